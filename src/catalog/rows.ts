import type { locations, products, stockLevels, variants } from '../db/tables/catalog.ts'

/** The catalogue's rows as they are stored; `revision` is the stored number, without the epoch. */
export type ProductRow = Readonly<Omit<typeof products.$inferSelect, 'raisedIn'>>
export type VariantRow = Readonly<typeof variants.$inferSelect>
export type LocationRow = Readonly<typeof locations.$inferSelect>
export type StockLevelRow = Readonly<typeof stockLevels.$inferSelect>
