import type { AccountRow } from '../src/access/accounts.ts'
import type { ApiKeyRow } from '../src/access/api-keys.ts'
import type { AuditRow } from '../src/access/audit.ts'
import type { TrustedDocumentRow } from '../src/access/trusted-documents.ts'
import type { UserRow } from '../src/access/users.ts'
import type { LocationRow, ProductRow, StockLevelRow, VariantRow } from '../src/catalog/rows.ts'
import type { VariantState } from '../src/sync/change.ts'
import type { LinkRow } from '../src/sync/link-list.ts'
import type { ViewOverview } from '../src/sync/overview.ts'
import type { ResendProgress, ResendRow } from '../src/sync/resend.ts'
import type { SyncViewRow } from '../src/sync/views.ts'
import type { CustomerState, OrderState } from '../src/trade/states.ts'
import { builder } from './builder.ts'

// The types that refer to each other, by name; each is implemented in the file of its own name below types/.

/** A product as it was loaded: alone, or with its variants when it comes by a stream. */
export type ProductShape = ProductRow & { readonly variants?: readonly VariantState[] }
/** A variant as it was loaded: alone, or with its stock when it comes by a stream. */
export type VariantShape = VariantRow & Partial<Pick<VariantState, 'stockLevels'>>
/** A stock level as it was loaded: alone, or with what it belongs to when it comes by a stream. */
export type StockLevelShape = StockLevelRow & { readonly variant?: VariantShape; readonly location?: LocationRow }

/** A view as it was loaded: alone, or with how it stands. */
export type SyncViewShape = SyncViewRow & { readonly overview?: ViewOverview }
/** A run as it was loaded: alone, or with how far it has come. */
export type ResendShape = ResendRow & { readonly progress?: ResendProgress }

export const Account = builder.objectRef<AccountRow>('Account')
export const ApiKey = builder.objectRef<ApiKeyRow>('ApiKey')
export const AuditEntry = builder.objectRef<AuditRow>('AuditEntry')
export const TrustedDocument = builder.objectRef<TrustedDocumentRow>('TrustedDocument')
export const User = builder.objectRef<UserRow>('User')
export const Product = builder.objectRef<ProductShape>('Product')
export const Variant = builder.objectRef<VariantShape>('Variant')
export const Location = builder.objectRef<LocationRow>('Location')
export const StockLevel = builder.objectRef<StockLevelShape>('StockLevel')
export const Customer = builder.objectRef<CustomerState>('Customer')
export const Order = builder.objectRef<OrderState>('Order')
export const SyncView = builder.objectRef<SyncViewShape>('SyncView')
export const Link = builder.objectRef<LinkRow>('Link')
export const Resend = builder.objectRef<ResendShape>('Resend')
