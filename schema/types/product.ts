import { countProducts, deleteProducts, productBy, productsPage, upsertProducts } from '../../src/catalog/products.ts'
import type { ProductRow } from '../../src/catalog/rows.ts'
import { shownRevision } from '../../src/sync/change.ts'
import { countLinksOfProduct, linksOfProduct } from '../../src/sync/link-list.ts'
import { builder, given, nodeNumber, stillThere } from '../builder.ts'
import { connectionOf, connectionType, pageArguments, pageWanted } from '../connection.ts'
import { requireCaller } from '../context.ts'
import { payloadType } from '../payload.ts'
import { Product, StockLevel, Variant } from '../refs.ts'
import { LinkConnection } from './link.ts'
import { Money, MoneyInput } from './money.ts'
import { authorOf, ProductByInput, toProductBy } from '../product-by.ts'
import { shownQuantity } from '../quantity.ts'

const ProductStatus = builder.enumType('ProductStatus', {
  description:
    'Whether a product is for sale: data like any other, so an archived product is an UPSERT, not a REMOVE. Expect values that are new to you.',
  values: {
    ACTIVE: { description: 'For sale.' },
    DRAFT: { description: 'Not for sale yet.' },
    ARCHIVED: { description: 'No longer for sale.' },
  },
})

const SelectedOption = builder.objectRef<{ readonly name: string; readonly value: string }>('SelectedOption').implement({
  description: 'What makes a variant differ from the others: size M, colour blue.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is: "Size".' }),
    value: t.exposeString('value', { description: 'Which one: "M".' }),
  }),
})

builder.node(Product, {
  description: 'What the shop sells, with its variants.',
  id: { resolve: (product) => product.id },
  loadOne: (id, context) => {
    requireCaller(context)
    return context.loaders().product.load(nodeNumber(id))
  },
  fields: (t) => ({
    handle: t.exposeString('handle', { description: "The shop's own name of it, unique within the account." }),
    title: t.exposeString('title', { description: 'What customers read.' }),
    description: t.exposeString('description', { nullable: true, description: 'The long text; may hold HTML.' }),
    vendor: t.exposeString('vendor', { nullable: true, description: 'Who makes or sells it to the shop.' }),
    productType: t.exposeString('productType', { nullable: true, description: 'What kind of thing it is.' }),
    tags: t.exposeStringList('tags', { description: 'Words to find and group it by.' }),
    status: t.expose('status', { type: ProductStatus, description: 'Whether it is for sale.' }),
    imageUrls: t.exposeStringList('imageUrls', { description: 'Where its pictures are, the main one first.' }),
    allowBackorder: t.exposeBoolean('allowBackorder', { description: 'Whether it may be sold below zero.' }),
    variants: t.field({
      type: [Variant],
      description: 'Its variants in their order, at most 250.',
      resolve: (product, _args, context) =>
        product.variants === undefined
          ? context
              .loaders()
              .variantsOfProduct.load(product.id)
              .then((rows) => [...(rows ?? [])])
          : [...product.variants],
    }),
    revision: t.field({
      type: 'BigInt',
      description: 'Grows with every change of the product or its variants (not of its stock) and is never used again.',
      resolve: (product, _args, context) => shownRevision(context.sync.epoch, product.revision),
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the product or one of its variants last changed.' }),
    links: t.field({
      type: LinkConnection,
      description: 'One for each sync view that it is linked to. An integration sees its own alone.',
      args: {
        ...pageArguments,
      },
      resolve: (product, args, context) => {
        const caller = requireCaller(context)
        const of = { productId: product.id, viewId: caller.kind === 'ADMIN' ? undefined : (caller.syncViewId ?? 0) }
        return connectionOf(
          pageWanted(args),
          (page) => linksOfProduct(context.database, caller.accountId, of, page),
          () => countLinksOfProduct(context.database, caller.accountId, of),
        )
      },
    }),
  }),
})

builder.node(Variant, {
  description: 'What is put in the basket: one size and colour of a product.',
  id: { resolve: (variant) => variant.id },
  loadOne: (id, context) => {
    requireCaller(context)
    return context.loaders().variant.load(nodeNumber(id))
  },
  fields: (t) => ({
    sku: t.exposeString('sku', { description: "The shop's article number, unique within the account." }),
    title: t.exposeString('title', { description: 'What tells it from the others: "M / Blue".' }),
    barcode: t.exposeString('barcode', { nullable: true, description: 'GTIN.' }),
    price: t.field({
      type: Money,
      description: 'What it costs.',
      resolve: (variant) => ({ amount: variant.price, currency: variant.priceCurrency }),
    }),
    compareAtPrice: t.field({
      type: Money,
      nullable: true,
      description: 'What it cost before, where it is on sale.',
      resolve: (variant) =>
        variant.compareAtPrice === null
          ? null
          : { amount: variant.compareAtPrice, currency: variant.compareAtCurrency ?? variant.priceCurrency },
    }),
    weightGrams: t.exposeInt('weightGrams', { nullable: true, description: 'What it weighs, in grams.' }),
    options: t.field({
      type: [SelectedOption],
      description: 'What makes it differ from the others.',
      resolve: (variant) => [...variant.options],
    }),
    available: t.int({
      description:
        'What can be sold, over all locations. In a ProductChange it is as of sending and goes stale: stock changes come by stockChanges.',
      resolve: (variant, _args, context) =>
        variant.stockLevels === undefined
          ? context
              .loaders()
              .stockLevelsOfVariant.load(variant.id)
              .then((levels) => availableOf(levels ?? []))
          : availableOf(variant.stockLevels),
    }),
    stockLevels: t.field({
      type: [StockLevel],
      description: 'What lies where. As of sending, like `available`.',
      resolve: (variant, _args, context) =>
        variant.stockLevels === undefined
          ? context
              .loaders()
              .stockLevelsOfVariant.load(variant.id)
              .then((levels) => (levels ?? []).map((level) => ({ ...level, variant })))
          : [...variant.stockLevels],
    }),
    product: t.field({
      type: Product,
      description: 'The product that it is a variant of.',
      resolve: async (variant, _args, context) =>
        stillThere(await context.loaders().product.load(variant.productId), 'The product of this variant'),
    }),
  }),
})

function availableOf(levels: readonly { readonly onHand: number; readonly reserved: number }[]): number {
  return shownQuantity(levels.reduce((sum, level) => sum + level.onHand - level.reserved, 0))
}

const ProductConnection = connectionType(Product, 'Product', 'Products, a page at a time.')

builder.queryFields((t) => ({
  product: t.field({
    type: Product,
    nullable: true,
    description: 'A product by its id, its handle or a SKU; null when there is none.',
    args: { by: t.arg({ type: ProductByInput, required: true, description: 'Which.' }) },
    resolve: (_root, { by }, context) => productBy(context.database, requireCaller(context).accountId, toProductBy(by)),
  }),
  products: t.field({
    type: ProductConnection,
    description: 'The products of the shop, in the order in which they were made.',
    args: {
      ...pageArguments,
      search: t.arg.string({
        description: 'Only those whose handle, title or vendor, or one of whose SKUs, holds this. Case does not matter.',
      }),
    },
    resolve: (_root, args, context) => {
      const { accountId } = requireCaller(context)
      const search = given(args.search)
      return connectionOf(
        pageWanted(args),
        (page) => productsPage(context.database, accountId, { ...page, search }),
        () => countProducts(context.database, accountId, search),
      )
    },
  }),
}))

const OptionInput = builder.inputType('OptionInput', {
  description: 'What makes a variant differ from the others.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What it is: "Size".' }),
    value: t.string({ required: true, description: 'Which one: "M".' }),
  }),
})
const VariantInput = builder.inputType('VariantInput', {
  description: 'A variant as it is wanted, by SKU. What is left out stays as it is; null clears. A new one needs a price.',
  fields: (t) => ({
    sku: t.string({ required: true, description: 'The article number, unique within the account.' }),
    title: t.string({ description: 'What tells it from the others; made from its options where it is left out.' }),
    barcode: t.string({ description: 'GTIN.' }),
    price: t.field({ type: MoneyInput, description: 'What it costs.' }),
    compareAtPrice: t.field({ type: MoneyInput, description: 'What it cost before.' }),
    weightGrams: t.int({ description: 'What it weighs, in grams.' }),
    options: t.field({ type: [OptionInput], description: 'What makes it differ. Replaces the whole list.' }),
  }),
})
const ProductInput = builder.inputType('ProductInput', {
  description:
    'A product as it is wanted, by handle. What is left out stays as it is; null clears; a list that is given replaces the whole list.',
  fields: (t) => ({
    handle: t.string({ required: true, description: 'Its handle, unique within the account.' }),
    title: t.string({ description: 'What customers read. A new product needs one.' }),
    description: t.string({ description: 'The long text.' }),
    vendor: t.string({ description: 'Who makes or sells it to the shop.' }),
    productType: t.string({ description: 'What kind of thing it is.' }),
    tags: t.stringList({ description: 'Words to find and group it by.' }),
    status: t.field({ type: ProductStatus, description: 'Whether it is for sale; ACTIVE for a new one.' }),
    imageUrls: t.stringList({ description: 'Where its pictures are.' }),
    allowBackorder: t.boolean({ description: 'Whether it may be sold below zero.' }),
    variants: t.field({ type: [VariantInput], description: 'All of its variants: those that the list lacks are deleted.' }),
    ifRevision: t.field({ type: 'BigInt', description: 'The revision that it must still have: CONFLICT if it has another by now.' }),
  }),
})

const UpsertProductsPayload = payloadType<{ products: readonly ProductRow[] }>('UpsertProductsPayload', (t) => ({
  products: t.field({
    type: [Product],
    description: 'The products as they are now, in the order of the input.',
    resolve: ({ products }) => [...products],
  }),
}))
const DeleteProductsPayload = payloadType<{ deletedCount: number }>('DeleteProductsPayload', (t) => ({
  deletedCount: t.exposeInt('deletedCount', { description: 'How many there were.' }),
}))

builder.mutationFields((t) => ({
  upsertProducts: t.field({
    type: UpsertProductsPayload,
    description:
      'Makes or changes products, by handle. What does not differ is not written and reaches no consumer. Admins, and integrations.',
    args: { input: t.arg({ type: [ProductInput], required: true, description: '1 to 1 000 products.' }) },
    resolve: async (_root, { input }, context) => {
      const products = await upsertProducts(context.database, authorOf(requireCaller(context)), input)
      context.sync.poke()
      return { products }
    },
  }),
  deleteProducts: t.field({
    type: DeleteProductsPayload,
    description: 'Deletes products with their variants and stock; the views that they are linked to get REMOVEs. Admins, and integrations.',
    args: { products: t.arg({ type: [ProductByInput], required: true, description: '1 to 1 000 products.' }) },
    resolve: async (_root, { products }, context) => {
      const deletedCount = await deleteProducts(context.database, authorOf(requireCaller(context)), products.map(toProductBy))
      context.sync.poke()
      return { deletedCount }
    },
  }),
}))
