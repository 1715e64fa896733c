import pg from 'pg'

/** What a statement may be given: values, and parts of statements. */
type SqlValue = string | number | bigint | boolean | Date | null | undefined | readonly SqlValue[] | Statement

/** Carries out a statement. */
export type Run = (query: { readonly text: string; readonly values: unknown[] }) => Promise<pg.QueryResult>

/** Writes SQL: sql`SELECT …, ${value}` runs when it is awaited and answers its rows; set into another it is a part of that one. Values are sent as parameters, never as text. */
export interface TransactionSql {
  <Rows extends readonly object[] = Record<string, unknown>[]>(
    strings: TemplateStringsArray,
    ...values: readonly SqlValue[]
  ): Statement<Rows>
}

/** The same, and transactions. */
export interface Sql extends TransactionSql {
  /** Runs `work` in a transaction. Where the connection is lost in it nothing that follows is carried out, and whether it was committed is not known. */
  readonly begin: <Result>(work: (tx: TransactionSql) => Promise<Result>) => Promise<Result>
}

/** The same over a connection of its own. */
export interface SqlSession extends Sql {
  readonly end: () => Promise<void>
}

/** A statement, or a part of one. The rows are what the writer of the SQL says they are: Postgres checks its parameters, nobody its answer. */
export class Statement<Rows extends readonly object[] = readonly object[]> implements PromiseLike<Rows> {
  readonly #strings: readonly string[]
  readonly #values: readonly SqlValue[]
  readonly #run: Run
  #answer: Promise<Rows> | undefined

  constructor(run: Run, strings: readonly string[], values: readonly SqlValue[]) {
    this.#run = run
    this.#strings = strings
    this.#values = values
  }

  // oxlint-disable-next-line unicorn/no-thenable -- being awaited is what it is for
  then<A = Rows, B = never>(
    resolve?: ((rows: Rows) => A | PromiseLike<A>) | null,
    reject?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#answer ??= this.#execute()
    return this.#answer.then(resolve, reject)
  }

  catch<B>(reject: (reason: unknown) => B | PromiseLike<B>): Promise<Rows | B> {
    return this.then(undefined, reject)
  }

  async #execute(): Promise<Rows> {
    const values: unknown[] = []
    const text = this.#write(values)
    const answer: { readonly rows: unknown } = await this.#run({ text, values })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rows are what the writer of the SQL says they are
    return answer.rows as Rows
  }

  /** The text, with its parameters numbered on from those that are in `values` already. */
  #write(values: unknown[]): string {
    return this.#strings.reduce((text, string, index) => {
      const value = this.#values[index - 1]
      if (value instanceof Statement) return `${text}${value.#write(values)}${string}`
      values.push(value)
      return `${text}$${values.length}${string}`
    })
  }
}

export function createSql(run: Run): TransactionSql {
  return (strings, ...values) => new Statement(run, strings, values)
}

/** A name, such as a table's, as part of a statement. */
export function identifier(name: string): Statement {
  return new Statement(() => Promise.reject(new Error('a name is no statement')), [pg.escapeIdentifier(name)], [])
}

const names = { whole: new Map<string, string>(), account: new Map<string, string>() }

/**
 * The name under which each connection keeps the plan of a statement: the texts that are written in the code are few. Within an account a plan is another one: under one name
 * Postgres would make it anew whenever the same connection served the other.
 */
export function preparedName(text: string, within: 'whole' | 'account'): string {
  const known = names[within].get(text)
  if (known !== undefined) return known
  const name = `synkvy_${within}_${names[within].size}`
  names[within].set(text, name)
  return name
}
