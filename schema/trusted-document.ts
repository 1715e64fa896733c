import { parse, validate, type GraphQLSchema } from 'graphql'
import { SynkvyError } from '../src/errors.ts'

/** How many characters a document may have that is kept. */
const longest = 100_000
const mostTokens = 10_000

/** Throws BAD_USER_INPUT for a text that could not be carried out. */
export function checkDocument(schema: GraphQLSchema, document: string): void {
  if (document.length > longest) throw refused(`it has more than ${longest} characters.`)
  const [fault] = validate(schema, parsed(document))
  if (fault !== undefined) throw refused(fault.message)
}

function parsed(document: string) {
  try {
    return parse(document, { maxTokens: mostTokens })
  } catch (error) {
    throw refused(error instanceof Error ? error.message : 'it cannot be read.')
  }
}

function refused(why: string): SynkvyError {
  return new SynkvyError('BAD_USER_INPUT', `The document cannot be registered: ${why}`, { inputPath: ['document'] })
}
