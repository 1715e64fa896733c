import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { LanguageProvider } from './text/language.tsx'
import { cssVariables, theme } from './theme.ts'

const root = document.querySelector('#root')
if (root === null) throw new Error('the page has no #root')

createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <LanguageProvider>
        <Notifications position="bottom-center" />
        <App />
      </LanguageProvider>
    </MantineProvider>
  </StrictMode>,
)
