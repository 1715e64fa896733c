import { Anchor, Group, Image, Text } from '@mantine/core'
import { Link } from 'wouter'

/** A product in a list: its picture, its title, which leads to it, and a word below. */
export function ProductLine({
  id,
  title,
  below,
  imageUrl,
}: {
  readonly id: string
  readonly title: string
  readonly below: string
  readonly imageUrl: string | undefined
}) {
  return (
    <Group gap="sm" wrap="nowrap" miw={0}>
      <Picture imageUrl={imageUrl} size={40} />
      <div style={{ minWidth: 0 }}>
        <Anchor component={Link} href={`/products/${encodeURIComponent(id)}`} lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
          {title}
        </Anchor>
        <Text size="xs" c="dimmed" lineClamp={2} style={{ overflowWrap: 'anywhere' }}>
          {below}
        </Text>
      </div>
    </Group>
  )
}

const noPicture =
  'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"%3E%3Crect width="24" height="24" fill="%23adb5bd" opacity="0.25"/%3E%3Cpath d="M7 9l5-2.5L17 9v6l-5 2.500L7 15z" fill="none" stroke="%23868e96"/%3E%3C/svg%3E'

/** A product's main picture; beside its title it says nothing new. */
export function Picture({ imageUrl, size }: { readonly imageUrl: string | undefined; readonly size: number }) {
  return (
    <Image
      src={imageUrl ?? noPicture}
      fallbackSrc={noPicture}
      alt=""
      w={size}
      h={size}
      radius="sm"
      fit="cover"
      style={{ flexShrink: 0 }}
      loading="lazy"
    />
  )
}
