import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { isAlive, ownIdentity, type ProcessIdentity } from './process-facts.ts'

/** Another gateway runs on the data folder. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse'
}

const identity = z.object({ pid: z.number().int(), startedAt: z.string() })

/**
 * Takes a data folder for this process, or throws DataFolderInUse. Nothing has to be tidied up by hand: an owner that died is replaced.
 * Answers what gives the folder back.
 */
export function takeDataFolder(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true })
  const file = join(dataDir, 'gateway.pid')
  const own = JSON.stringify(ownIdentity())
  const candidate = `${file}.${process.pid}`
  writeFileSync(candidate, own)
  try {
    for (;;) {
      if (tryToLink(candidate, file)) return () => giveBack(file, own)
      removeIfDead(dataDir, file)
    }
  } finally {
    rmSync(candidate, { force: true })
  }
}

function tryToLink(candidate: string, file: string): boolean {
  try {
    linkSync(candidate, file)
    return true
  } catch (error) {
    if (isFileFault(error, 'EEXIST')) return false
    throw error
  }
}

function removeIfDead(dataDir: string, file: string): void {
  const text = readIfThere(file)
  if (text === undefined) return
  const owner = parseIdentity(text)
  if (owner !== undefined && isAlive(owner)) {
    throw new DataFolderInUse(`Another synkvy gateway (process ${owner.pid}) is running on ${dataDir}. Stop it, or choose another folder with DATA_DIR.`)
  }
  const aside = `${file}.dead.${process.pid}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if (isFileFault(error, 'ENOENT')) return
    throw error
  }
  // Whoever was faster has made the file anew meanwhile: then it is theirs.
  if (readIfThere(aside) !== text) tryToLink(aside, file)
  rmSync(aside, { force: true })
}

function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    return identity.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function giveBack(file: string, own: string): void {
  if (readIfThere(file) === own) rmSync(file, { force: true })
}

/** The text of a file, or undefined when there is none. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isFileFault(error, 'ENOENT')) return undefined
    throw error
  }
}

export function isFileFault(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
