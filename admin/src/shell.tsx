import { ActionIcon, Alert, Anchor, Box, Button, Container, Group, Menu, Text, useMantineColorScheme } from '@mantine/core'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { Link, useRoute } from 'wouter'
import type { Api } from './api/client.ts'
import { useFollowed } from './api/connection.ts'
import { signOut } from './api/session.ts'
import { IconAlert, IconBox, IconLoop, IconPerson } from './parts/icons.tsx'
import { Empty, Page } from './parts/page.tsx'
import classes from './shell.module.css'
import { languageNames, useTexts } from './text/language.tsx'

interface Viewer {
  readonly name: string
  readonly account: { readonly name: string }
}

/** What stands around every page: where one can go, who one is, and whether the connection lives. */
export function Shell({ api, viewer, children }: { readonly api: Api; readonly viewer: Viewer; readonly children: ReactNode }) {
  const { t } = useTexts()
  return (
    <>
      <a href="#content" className={classes['skip']}>
        {t.common.skip}
      </a>
      <Box component="header" className={classes['header']}>
        <Container size="lg" className={classes['bar']}>
          <Group gap={8} wrap="nowrap" miw={0}>
            <img src="/admin/icon.svg" alt="" width={28} height={28} />
            <Text fw={700} size="lg">
              synkvy
            </Text>
            <Text c="dimmed" size="sm" truncate title={viewer.account.name}>
              {viewer.account.name}
            </Text>
          </Group>
          <nav aria-label={t.nav.main} className={classes['nav']}>
            <NavLink href="/sync-views" label={t.nav.views} pattern="/sync-views/*?" />
            <NavLink href="/products" label={t.nav.products} pattern="/products/*?" />
            <NavLink href="/keys" label={t.nav.keys} pattern="/keys" />
          </nav>
          <SettingsMenu viewer={viewer} />
        </Container>
      </Box>
      <ConnectionNotice api={api} />
      <Container size="lg" component="main" id="content" tabIndex={-1} py="lg" className={classes['main']}>
        {children}
      </Container>
    </>
  )
}

function NavLink({ href, label, pattern }: { readonly href: string; readonly label: string; readonly pattern: string }) {
  const [isHere] = useRoute(pattern)
  return (
    <Link href={href} className={classes['link']} aria-current={isHere ? 'page' : undefined}>
      {label}
    </Link>
  )
}

const schemes = ['light', 'dark', 'auto'] as const

function SettingsMenu({ viewer }: { readonly viewer: Viewer }) {
  const { t, language, choose } = useTexts()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Menu position="bottom-end" width={230} shadow="md" withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <ActionIcon variant="default" size="lg" radius="xl" aria-label={t.nav.settings} className={classes['settings']}>
          <IconPerson />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{viewer.name}</Menu.Label>
        <Menu.Item onClick={() => void signOut().finally(() => location.reload())}>{t.nav.signOut}</Menu.Item>
        <Menu.Divider />
        <Menu.Label>{t.nav.language}</Menu.Label>
        {languageNames.map(({ value, label }) => (
          <Menu.RadioItem
            key={value}
            lang={value}
            value={value}
            checked={value === language}
            onChange={() => choose(value)}
            closeMenuOnClick
          >
            {label}
          </Menu.RadioItem>
        ))}
        <Menu.Divider />
        <Menu.Label>{t.nav.theme}</Menu.Label>
        {schemes.map((scheme) => (
          <Menu.RadioItem
            key={scheme}
            value={scheme}
            checked={scheme === colorScheme}
            onChange={() => setColorScheme(scheme)}
            closeMenuOnClick
          >
            {t.nav[scheme]}
          </Menu.RadioItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

/** A blink is not worth a word. */
const quietMs = 1_200
const gladMs = 4_000

/** Says when the connection is lost, and when it is back. */
function ConnectionNotice({ api }: { readonly api: Api }) {
  const { t } = useTexts()
  const state = useFollowed(api.connection)
  const [shown, setShown] = useState<'LOST' | 'FOUND' | undefined>()
  const wasLost = useRef(false)
  useEffect(() => {
    if (state === 'LOST') {
      const timer = setTimeout(() => {
        wasLost.current = true
        setShown('LOST')
      }, quietMs)
      return () => clearTimeout(timer)
    }
    if (state !== 'CONNECTED' || !wasLost.current) return undefined
    wasLost.current = false
    setShown('FOUND')
    const timer = setTimeout(() => setShown(undefined), gladMs)
    return () => clearTimeout(timer)
  }, [state])
  return (
    <div role="status" className={classes['notice']}>
      {shown === 'LOST' && (
        <Alert color="orange" radius={0} py="xs" icon={<IconAlert />}>
          {t.connection.lost}
        </Alert>
      )}
      {shown === 'FOUND' && (
        <Alert color="green" radius={0} py="xs" icon={<IconLoop />}>
          {t.connection.found}
        </Alert>
      )}
    </div>
  )
}

/** Settings / API / Sync views, and what lies below. */
export function Trail({ below }: { readonly below?: string }) {
  const { t } = useTexts()
  const [last, ...first] = t.nav.trail.toReversed()
  return (
    <nav aria-label={t.nav.trailLabel}>
      <Text size="sm" c="dimmed" component="ol" className={classes['trail']}>
        {first.toReversed().map((step) => (
          <li key={step}>{step}</li>
        ))}
        <li aria-current={below === undefined ? 'page' : undefined}>
          {below === undefined ? (
            last
          ) : (
            <Anchor component={Link} href="/sync-views" size="sm">
              {last}
            </Anchor>
          )}
        </li>
        {below !== undefined && (
          <li aria-current="page" className={classes['below']}>
            {below}
          </li>
        )}
      </Text>
    </nav>
  )
}

export function NotFound() {
  const { t } = useTexts()
  return (
    <Page title={t.notFound.title}>
      <Empty
        icon={<IconBox size={28} />}
        title={t.notFound.text}
        action={
          <Button component={Link} href="/sync-views">
            {t.notFound.back}
          </Button>
        }
      />
    </Page>
  )
}
