import { withDatabase } from './options.ts'

/** `synkvy migrate`: brings the database to the newest schema, which every start does as well. */
export async function migrate(): Promise<void> {
  await withDatabase(async ({ config }) => {
    process.stdout.write(
      `The database ${config.databaseUrl === undefined ? `in ${config.dataDir}` : 'of DATABASE_URL'} has the newest schema.\n`,
    )
  })
}
