/** The SKUs in a text, each once: as lines, or as a spreadsheet or a list separates them. */
export function readSkus(text: string): readonly string[] {
  const found = text.split(/[\n\r\t,;]+/).map((part) => part.trim().replace(/^"(.*)"$/, '$1'))
  return [...new Set(found.filter((sku) => sku !== ''))]
}
