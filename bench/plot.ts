/** A series of one name: a value for each label, undefined where there is none. */
interface Series {
  readonly name: string
  readonly values: readonly (number | undefined)[]
}

export interface Plot {
  readonly title: string
  readonly unit: string
  readonly labels: readonly string[]
  readonly series: readonly Series[]
  readonly kind: 'bars' | 'lines'
}

const width = 760
const height = 340
const area = { left: 64, right: width - 16, top: 64, bottom: height - 40 }
const colours = ['#9aa4b2', '#1d6fd1', '#e08a1e', '#2f9e64', '#a45bc0', '#c0392b']
const text = (x: number, y: number, content: string, extra = ''): string =>
  `<text x="${round(x)}" y="${round(y)}" ${extra}>${escape(content)}</text>`

/** Draws a plot over a logarithmic scale, on which equal ratios are equally far apart: as an SVG that reads on white and on black. */
export function draw(plot: Plot): string {
  const known = plot.series.flatMap(({ values }) => values.flatMap((value) => (value !== undefined && value > 0 ? [value] : [])))
  const from = Math.floor(Math.log10(Math.min(...known)))
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...known))))
  const yOf = (value: number): number => area.bottom - ((Math.log10(value) - from) / (to - from)) * (area.bottom - area.top)
  const step = (area.right - area.left) / plot.labels.length
  const parts = [
    text(16, 24, plot.title, 'font-size="15" font-weight="600"'),
    text(16, 42, `${plot.unit}, logarithmic`, 'fill-opacity="0.7"'),
    ...legend(plot.series),
    ...Array.from({ length: to - from + 1 }, (_, index) => gridLine(10 ** (from + index), yOf(10 ** (from + index)))),
    ...plot.labels.map((label, index) => text(area.left + step * (index + 0.5), height - 18, label, 'text-anchor="middle"')),
    ...(plot.kind === 'bars' ? bars(plot, step, yOf) : lines(plot, step, yOf)),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#24292f">
<rect width="${width}" height="${height}" fill="#fff"/>
${parts.join('\n')}
</svg>
`
}

function legend(series: readonly Series[]): readonly string[] {
  const slot = (width - 220) / series.length
  return series.flatMap(({ name }, index) => {
    const x = 220 + index * slot
    return [`<rect x="${round(x)}" y="34" width="10" height="10" fill="${colour(index)}"/>`, text(x + 14, 43, name)]
  })
}

function gridLine(value: number, y: number): string {
  const line = `<line x1="${area.left}" x2="${area.right}" y1="${round(y)}" y2="${round(y)}" stroke="#24292f" stroke-opacity="0.15"/>`
  return line + text(area.left - 8, y + 4, shown(value), 'text-anchor="end"')
}

function bars({ labels, series }: Plot, step: number, yOf: (value: number) => number): readonly string[] {
  const barWidth = (step * 0.8) / series.length
  return labels.flatMap((_, at) =>
    series.map(({ values }, index) => {
      const value = values[at]
      if (value === undefined || !(value > 0)) return ''
      const x = area.left + step * (at + 0.1) + barWidth * index
      const y = yOf(value)
      const bar = `<rect x="${round(x)}" y="${round(y)}" width="${round(barWidth * 0.9)}" height="${round(area.bottom - y)}" fill="${colour(index)}"/>`
      return bar + text(x + barWidth * 0.45, y - 4, shown(value), 'text-anchor="middle" font-size="10"')
    }),
  )
}

function lines({ series }: Plot, step: number, yOf: (value: number) => number): readonly string[] {
  return series.map(({ values }, index) => {
    const points = values.flatMap((value, at) =>
      value === undefined || !(value > 0) ? [] : [{ x: area.left + step * (at + 0.5), y: yOf(value), value }],
    )
    const path = points.map(({ x, y }) => `${round(x)},${round(y)}`).join(' ')
    const dots = points.map(
      ({ x, y, value }) =>
        `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" fill="${colour(index)}"/>${text(x, y - 8, shown(value), 'text-anchor="middle" font-size="10"')}`,
    )
    return `<polyline points="${path}" fill="none" stroke="${colour(index)}" stroke-width="2"/>${dots.join('')}`
  })
}

function colour(index: number): string {
  return colours[index % colours.length] ?? '#000'
}

/** Three figures that count. */
function shown(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en').replaceAll(',', ' ')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
