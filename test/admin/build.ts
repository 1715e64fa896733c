import { build } from 'vite'

/** The page as it is in the sources, built as it is shipped. */
export default async function setup(): Promise<void> {
  await build({ logLevel: 'error' })
}
