import { alpha, createTheme, darken, type CSSVariablesResolver } from '@mantine/core'

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 7 },
  autoContrast: true,
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  headings: { fontWeight: '650' },
  respectReducedMotion: true,
})

const tinted = ['indigo', 'green', 'orange', 'red', 'gray', 'blue', 'yellow'] as const

/** Text on tinted ground, and dimmed text, with the contrast that WCAG AA asks for. */
export const cssVariables: CSSVariablesResolver = ({ colors }) => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': colors.gray[7],
    '--mantine-color-placeholder': colors.gray[7],
    '--mantine-color-error': colors.red[9],
    '--mantine-color-anchor': colors.indigo[8],
    ...Object.fromEntries(tinted.map((name) => [`--mantine-color-${name}-light-color`, darken(colors[name][9], 0.25)])),
  },
  dark: {
    '--mantine-color-dimmed': colors.dark[1],
    '--mantine-color-placeholder': colors.dark[2],
    '--mantine-color-error': colors.red[4],
    '--mantine-color-anchor': colors.indigo[2],
    ...Object.fromEntries(
      tinted.flatMap((name) => [
        [`--mantine-color-${name}-light`, alpha(colors[name][6], 0.16)],
        [`--mantine-color-${name}-light-hover`, alpha(colors[name][6], 0.24)],
        [`--mantine-color-${name}-light-color`, colors[name][2]],
      ]),
    ),
  },
})
