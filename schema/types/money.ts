import { builder } from '../builder.ts'

interface MoneyShape {
  readonly amount: string
  readonly currency: string
}

export const Money = builder.objectRef<MoneyShape>('Money').implement({
  description: 'An amount of money.',
  fields: (t) => ({
    amount: t.expose('amount', { type: 'Decimal', description: 'How much, with at least two decimals: "199.00".' }),
    currency: t.exposeString('currency', { description: 'ISO 4217: "SEK".' }),
  }),
})

export const MoneyInput = builder.inputType('MoneyInput', {
  description: 'An amount of money.',
  fields: (t) => ({
    amount: t.field({ type: 'Decimal', required: true, description: 'How much, 0 or more: "199.00".' }),
    currency: t.string({ required: true, description: 'ISO 4217: "SEK".' }),
  }),
})
