import type { Format } from './format.ts'
import type { StepTexts, StepValues } from './steps.ts'

/** Hit räknas platser i kön, inte längre. */
const mostCounted = 10_000

const what = ({ stream }: StepValues): string => (stream === 'STOCK' ? 'Lagret för den' : 'Den')

/** En artikels väg till ett system, på svenska. */
export function createSwedishSteps(f: Format): StepTexts {
  const place = (values: StepValues): string => {
    const [at, total] = [Number(values.place), Number(values.total)]
    if (total < mostCounted) return `${what(values)} är nummer ${f.number(at)} av ${f.number(total)}`
    return at < total
      ? `${what(values)} är nummer ${f.number(at)} av mer än ${f.number(total)}`
      : `${what(values)} kommer efter nummer ${f.number(total)}`
  }
  return {
    ARTICLE_FOUND: ({ title }) => `”${title}” finns i butiken.`,
    ARTICLE_UNKNOWN: ({ sku }) => `Butiken har ingen artikel ”${sku}”. Kontrollera stavningen.`,
    ARTICLE_DELETED: ({ sku }) => `”${sku}” är borttagen i butiken.`,
    ARTICLE_DELETED_UNCONFIRMED: ({ sku, view }) =>
      `”${sku}” är borttagen i butiken. ${view} har inte bekräftat ännu att den är borttagen där.`,
    LINKED: ({ view }) => `Den är länkad till ${view}.`,
    NOT_LINKED: ({ title, view }) =>
      `”${title}” är inte länkad till ${view}, så den skickas inte dit. Länka den, eller skicka om alla produkter.`,
    NOT_LINKED_OLDER: ({ title, view }) =>
      `”${title}” är inte länkad till ${view}: bara produkter som skapas från och med nu länkas av sig själva. Länka den, eller skicka om alla produkter.`,
    LINKING: ({ title, view }) => `”${title}” är ny, och håller på att länkas till ${view}.`,
    UNLINKED: ({ title, view }) =>
      `Länken mellan ”${title}” och ${view} togs bort, så den skickas inte dit. Länka den igen, om den ska vara där.`,
    UNLINKED_UNCONFIRMED: ({ title, view }) =>
      `Länken mellan ”${title}” och ${view} togs bort, så den skickas inte dit. Länka den igen, om den ska vara där. ${view} har inte bekräftat ännu att den är borttagen där.`,
    VIEW_ACTIVE: ({ view }) => `${view} är inte pausad.`,
    VIEW_PAUSED: ({ view }) => `${view} är pausad, så inget skickas dit. Låt den fortsätta.`,
    CONNECTED: ({ view }) => `${view} är ansluten.`,
    NEVER_CONNECTED: ({ view }) => `${view} har aldrig anslutit, så inget har skickats dit.`,
    NOT_FOLLOWED: ({ view }) => `${view} har aldrig bett om produkter eller lager, så inga har skickats dit.`,
    OFFLINE: ({ view }) => `${view} är inte ansluten. Det som väntar skickas så snart systemet ansluter eller frågar.`,
    CHANGE_TAKEN_UP: ({ view }) => `Den ändrades alldeles nyss, och ställs i kön till ${view}.`,
    CHANGE_NOT_TAKEN_UP: () => 'Den har ändrats, men synkvy ställer den inte i kön. Den som driver synkvy bör se efter om det mår bra.',
    QUEUED: (values) => `${place(values)} i kön till ${values.view}.`,
    WAITS_IN_LIVE: (values) => `${place(values)} bland ändringarna som väntar på ${values.view}. Du behöver inte göra något.`,
    WAITS_IN_LINKED: (values) =>
      `${place(values)} bland det som länkats eller ska skickas igen och väntar på ${values.view}. Du behöver inte göra något.`,
    WAITS_IN_RESEND: (values) =>
      `${place(values)} i omskicket av alla produkter, och väntar på ${values.view}. Du behöver inte göra något.`,
    NOT_CONFIRMED: ({ view }) => `${view} är ansluten, men har inte bekräftat något på ett tag: systemet är långsamt, eller har fastnat.`,
    SENT: ({ view }) => `Den har skickats till ${view}.`,
    CONFIRMED: ({ view, revision }) => `${view} har bekräftat den som den är nu (revision ${revision}).`,
    OWN_CHANGE: ({ view }) => `Den senaste ändringen kommer från ${view} självt, så den skickas inte tillbaka dit.`,
    STOCK_CONFIRMED: ({ view }) => `${view} har bekräftat lagret för den.`,
    ACCEPTED: ({ view }) => `${view} har inte avvisat den.`,
    REJECTED: ({ view, reason }) =>
      `${view} kan inte ta emot den: ”${reason}”. Rätta till det, så skickas den igen av sig själv; eller skicka den en gång till, om felet låg där.`,
  }
}
