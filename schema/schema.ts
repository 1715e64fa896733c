import { builder } from './builder.ts'
import { holdToRules } from './mutation-rules.ts'
import { keepRefusalsTogether } from './refusals.ts'
import './scalars.ts'
import './types/access.ts'
import './types/audit.ts'
import './types/change.ts'
import './types/customer.ts'
import './types/explanation.ts'
import './types/link.ts'
import './types/order.ts'
import './types/product.ts'
import './types/resend.ts'
import './types/stock.ts'
import './types/sync-view.ts'
import './types/trusted-document.ts'

/** The public schema. Its printed form is schema.graphql beside this file. */
export const schema = keepRefusalsTogether(holdToRules(builder.toSchema()))
