import type { ReactNode } from 'react'

/** Small pictures beside words, which say it: screen readers pass over them. */
function icon(shape: ReactNode) {
  return function Icon({ size = 18 }: { readonly size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden
        style={{ flexShrink: 0 }}
      >
        {shape}
      </svg>
    )
  }
}

export const IconCheck = icon(<path d="M5 12.5l4.5 4.5L19 7.5" />)
export const IconCross = icon(<path d="M6.500 6.500l11 11M17.500 6.500l-11 11" />)
export const IconAlert = icon(<path d="M12 4.500L2.500 20h19zM12 10v4.500M12 17.200v.1" />)
export const IconClock = icon(<path d="M12 7v5.500l3.500 2M21 12a9 9 0 1 1-18 0a9 9 0 0 1 18 0" />)
export const IconPause = icon(<path d="M9 6v12M15 6v12" />)
export const IconPlay = icon(<path d="M8 5.500l11 6.500l-11 6.500z" />)
export const IconPlug = icon(<path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4" />)
export const IconSend = icon(<path d="M4 12h15M13 6l6 6l-6 6" />)
export const IconLink = icon(<path d="M10 14l4-4M8 11l-2 2a3.500 3.500 0 0 0 5 5l2-2M16 13l2-2a3.500 3.500 0 0 0-5-5l-2 2" />)
export const IconKey = icon(<path d="M14.500 9.500a4.500 4.500 0 1 1-3-3zM14 10l7-7M17.500 6.500l2.500 2.500" />)
export const IconBell = icon(<path d="M6 16h12l-1.500-2.500V10a4.500 4.500 0 0 0-9 0v3.500zM10 19.500h4" />)
export const IconPen = icon(<path d="M4 20l1-4L16.500 4.500l3 3L8 19zM14 7l3 3" />)
export const IconTrash = icon(<path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5" />)
export const IconPlus = icon(<path d="M12 5v14M5 12h14" />)
export const IconSearch = icon(<path d="M16 16l4.500 4.500M18 11a7 7 0 1 1-14 0a7 7 0 0 1 14 0" />)
export const IconQuestion = icon(
  <path d="M9 9.500a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.500v.1M21 12a9 9 0 1 1-18 0a9 9 0 0 1 18 0" />,
)
export const IconCopy = icon(<path d="M9 9h11v11H9zM15 9V4H4v11h5" />)
export const IconBox = icon(<path d="M4 8l8-4.500L20 8v8.500L12 21l-8-4.500zM4 8l8 4.500L20 8M12 12.500V21" />)
export const IconChevron = icon(<path d="M6 9.500l6 6l6-6" />)
export const IconPerson = icon(<path d="M16 8a4 4 0 1 1-8 0a4 4 0 0 1 8 0M4 21c0-4 3.500-6.500 8-6.500s8 2.500 8 6.500" />)
export const IconLoop = icon(<path d="M4 11a8 8 0 0 1 14-4.500L20 9M20 4v5h-5M20 13a8 8 0 0 1-14 4.500L4 15M4 20v-5h5" />)
