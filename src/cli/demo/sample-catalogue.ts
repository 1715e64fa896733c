import type { ProductInput, VariantInput } from '../../catalog/product-input.ts'
import type { SetStockInput } from '../../catalog/stock.ts'

/** A line of the assortment: what its models have in common. Prices in whole kronor with tax, weights in grams. */
interface Family {
  readonly noun: string
  readonly type: string
  readonly vendor: string
  readonly code: string
  readonly price: number
  readonly weight: number
  readonly tags: readonly string[]
  readonly text: string
  readonly models: readonly string[]
  readonly sizes: readonly string[]
  readonly colours: readonly string[]
}

const clothes = ['XS', 'S', 'M', 'L', 'XL']
const shoes = ['37', '38', '39', '40', '41', '42', '43', '44', '45']
const kids = ['98/104', '110/116', '122/128', '134/140']
const one: readonly string[] = []

const family = (
  noun: string,
  code: string,
  [type, vendor]: readonly [string, string],
  [price, weight]: readonly [number, number],
  models: string,
  sizes: readonly string[],
  colours: string,
  tags: string,
  text: string,
): Family => ({
  noun,
  code,
  type,
  vendor,
  price,
  weight,
  models: models.split(' '),
  sizes,
  colours: colours === '' ? [] : colours.split(' '),
  tags: tags.split(' '),
  text,
})

/** What a Swedish outdoor shop of middle size might sell. The makers are made up. */
// oxfmt-ignore
const families: readonly Family[] = [
  family('Kupoltält', 'KT', ['Tält', 'Nordhimmel'], [3495, 2900], 'Sarek Padjelanta Abisko Kebne Rapa Vindel Laponia Tärna', ['2 pers', '3 pers'], 'Grön Sand', 'tält vandring fjäll', 'Självstående tält i ripstop med två ingångar. Tål fjällvind och reses på fem minuter.'),
  family('Tunneltält', 'TT', ['Tält', 'Nordhimmel'], [5995, 3400], 'Stora Helags Sylarna Akka Borga Marsfjäll Ammarnäs', ['2 pers', '3 pers', '4 pers'], 'Grön Röd', 'tält fjäll vinter', 'Fyra årstider, långt förtält och stormlinor i hela tältets längd.'),
  family('Tarp', 'TP', ['Tält', 'Skogsro'], [749, 620], 'Gran Tall Björk Asp', ['3×3 m', '4×4 m'], 'Oliv Grå', 'tarp läger', 'Vindskydd och regntak på en gång. Förstärkta fästen på alla sidor.'),
  family('Dunsovsäck', 'DS', ['Sovsäckar', 'Ejderlätt'], [3995, 1050], 'Ripa Orre Tjäder Fjälluggla Järpe Dunvit Skata Snösparv', ['Regular', 'Lång'], 'Blå Svart', 'sovsäck dun', 'Ansvarsfullt producerat dun, 750 cuin. Komfort ned till −8 °C.'),
  family('Fibersovsäck', 'FS', ['Sovsäckar', 'Skogsro'], [1295, 1500], 'Mossa Lav Ljung Starr Vide Pors', ['Regular', 'Lång'], 'Grön Blå', 'sovsäck syntet', 'Syntet som värmer även när det är fuktigt. Tre årstider.'),
  family('Liggunderlag', 'LU', ['Sovsäckar', 'Ejderlätt'], [995, 480], 'Tuva Myr Ängen Backe Hed Glänta', ['Regular', 'Bred'], 'Orange Grå', 'underlag', 'Uppblåsbart, R-värde 4,2, packas mindre än en vattenflaska.'),
  family('Vandringskänga', 'VK', ['Skor', 'Stigfot'], [2195, 1300], 'Kungsleden Högakusten Bergslagsleden Sörmland Skåneleden Siljan Bohus Upplands Gotska', shoes, 'Brun Svart', 'kängor vandring', 'Nubuck med vattentätt membran och omsulbar sula.'),
  family('Löparsko', 'LS', ['Skor', 'Stigfot'], [1495, 560], 'Rask Kvick Språng Lättfot Barmark Kvist', shoes, 'Gul Blå', 'löpning stig', 'Terrängsko med grova dobbar och snabbsnörning.'),
  family('Stövel', 'ST', ['Skor', 'Kärrgård'], [1195, 1600], 'Kärr Tjärn Göl Mosse', shoes, 'Grön', 'stövlar gummi', 'Naturgummi, neoprenfodrad, förstärkt häl.'),
  family('Skaljacka', 'SJ', ['Kläder', 'Nordanvind'], [3995, 470], 'Storm Kuling Bris Byig Dimma Regn Åska Nordan Västan Sunnan', clothes, 'Blå Röd Svart', 'jacka skal regn', 'Tre lager, 20 000 mm vattenpelare, tejpade sömmar och huva för hjälm.'),
  family('Dunjacka', 'DJ', ['Kläder', 'Ejderlätt'], [2795, 410], 'Ejder Alfågel Knipa Vigg Smålom Storlom Sothöna', clothes, 'Blå Oliv Svart', 'jacka dun', 'Lätt dunjacka som packas i sin egen ficka.'),
  family('Fleecetröja', 'FT', ['Kläder', 'Nordanvind'], [899, 320], 'Ludd Ull Tova Noppa Vadmal Lurv', clothes, 'Grå Blå Röd', 'fleece mellanlager', 'Återvunnen polyester, platta sömmar, ficka på bröstet.'),
  family('Ullunderställ', 'UU', ['Kläder', 'Merinogård'], [799, 240], 'Tacka Bagge Lamm Betesmark Fäbod Vall', clothes, 'Svart Blå', 'ull underställ', 'Merinoull 200 g/m², mulesingfri.'),
  family('Vandringsbyxa', 'VB', ['Kläder', 'Stigfot'], [1395, 520], 'Vidda Hed Brant Ås Kam Dal Pass Topp', clothes, 'Oliv Svart Sand', 'byxor vandring', 'Slitstarkt tyg på knä och bak, stretch däremellan, ventilation i sidan.'),
  family('Regnbyxa', 'RB', ['Kläder', 'Nordanvind'], [1195, 290], 'Skur Dugg Ösregn Hagel', clothes, 'Svart Blå', 'byxor regn', 'Hel dragkedja i sidan: går att ta på med kängorna på.'),
  family('Mössa', 'MO', ['Kläder', 'Merinogård'], [349, 60], 'Topp Luva Lovikka Tofs Rutan', one, 'Röd Blå Grå Grön', 'mössa ull', 'Stickad i Sverige av nordisk ull.'),
  family('Vante', 'VA', ['Kläder', 'Merinogård'], [449, 90], 'Lovika Tumme Näve Handlov', ['S', 'M', 'L'], 'Grå Svart', 'vantar ull', 'Tovad ull, förstärkt handflata i älgskinn.'),
  family('Barnoverall', 'BO', ['Barn', 'Lillskog'], [1299, 720], 'Igelkott Ekorre Hare Räv', kids, 'Gul Blå Röd', 'barn overall', 'Vattentät, fodrad, reflexer runtom och plats att växa i.'),
  family('Barnkänga', 'BK', ['Barn', 'Lillskog'], [749, 540], 'Mus Sork Mård Lo', ['26', '28', '30', '32', '34'], 'Blå Rosa', 'barn kängor', 'Kardborre och dragsko; små fötter klarar det själva.'),
  family('Ryggsäck', 'RS', ['Ryggsäckar', 'Bärlag'], [1995, 1500], 'Bärare Kånk Mes Kont Ränsel Knyte Börda Lass', ['35 l', '50 l', '65 l'], 'Grön Svart', 'ryggsäck vandring', 'Justerbar rygg, avtagbart topplock, regnskydd ingår.'),
  family('Dagsrygga', 'DR', ['Ryggsäckar', 'Bärlag'], [849, 640], 'Matsäck Fika Utflykt Stig Tur Promenad', ['18 l', '25 l'], 'Blå Gul Grön', 'ryggsäck dagstur', 'Sittunderlag i ryggfacket och fack för termos.'),
  family('Packpåse', 'PP', ['Ryggsäckar', 'Bärlag'], [179, 70], 'Torr Tät Rull', ['5 l', '10 l', '20 l'], 'Orange Blå', 'packpåse vattentät', 'Rulltopp och svetsade sömmar.'),
  family('Gaskök', 'GK', ['Kök', 'Glöd & Låga'], [899, 390], 'Gnista Flamma Glöd Eld Låga', one, '', 'kök gas', 'Kokar en liter på tre minuter. Vindskydd och piezotändning.'),
  family('Spritkök', 'SK', ['Kök', 'Glöd & Låga'], [799, 860], 'Kåsa Härd Brasa', ['Liten', 'Stor'], '', 'kök sprit', 'Fungerar i all väderlek och har inget som kan gå sönder.'),
  family('Kastrull', 'KA', ['Kök', 'Glöd & Låga'], [349, 210], 'Gryta Grytlock Kittel Panna', ['0,9 l', '1,8 l'], '', 'kök titan', 'Titan med mått på insidan och handtag som fälls.'),
  family('Termos', 'TE', ['Kök', 'Kaffebål'], [399, 450], 'Påtår Tretår Kopp Sump', ['0,5 l', '0,75 l', '1 l'], 'Svart Röd Grön', 'termos', 'Håller kaffet varmt till kvällen. Tål diskmaskin.'),
  family('Frystorkad måltid', 'FM', ['Kök', 'Fjällköket'], [109, 140], 'Renskav Älggryta Köttfärssås Linsgryta Fiskgratäng Kantarellrisotto Pannkakssmet Havregrynsgröt', one, '', 'mat frystorkat', 'Häll på kokande vatten, vänta åtta minuter, ät ur påsen.'),
  family('Kniv', 'KN', ['Verktyg', 'Morastål'], [499, 120], 'Bushcraft Fil Urtag Slöjd Tälj', one, 'Svart Orange', 'kniv', 'Kolstål från Dalarna, slida med klämma.'),
  family('Yxa', 'YX', ['Verktyg', 'Smedjan i Ås'], [1295, 900], 'Vildmark Vedhugg Kvistning Kloven', ['Liten', 'Stor'], '', 'yxa', 'Handsmidd, märkt av smeden, skaft i hickory.'),
  family('Pannlampa', 'PL', ['Ljus', 'Norrsken'], [699, 95], 'Skymning Gryning Polstjärna Månsken Nattlig', one, 'Svart Röd', 'lampa', '400 lumen, rött ljus, laddas med USB-C.'),
  family('Haspelspö', 'HS', ['Fiske', 'Napp & Son'], [899, 180], 'Öring Gädda Harr Röding Abborre', ['7 fot', '9 fot'], '', 'fiske spö', 'Kolfiber, fyra delar, med fodral.'),
  family('Drag', 'DG', ['Fiske', 'Napp & Son'], [79, 18], 'Gnistra Blänke Silver Rödnäbb Spinnare Skedet', ['10 g', '18 g'], 'Silver Koppar Röd', 'fiske drag', 'Handmålat. Går djupt även i strömt vatten.'),
  family('Kanot', 'KO', ['Paddling', 'Sjölag'], [12_995, 29_000], 'Vänern Siljan Mälaren Storsjön', ['15 fot', '16 fot'], 'Röd Grön', 'kanot', 'Tre lager polyeten, säten i ask, bär två vuxna och en hund.'),
  family('Flytväst', 'FV', ['Paddling', 'Sjölag'], [999, 620], 'Ström Fors Sel Lagun', ['S/M', 'L/XL'], 'Röd Gul', 'flytväst paddling', '50 N, stora armhål, visselpipa i fickan.'),
  family('Turskida', 'TS', ['Skidor', 'Snöspår'], [3295, 2200], 'Skare Kram Puder Nysnö Driva', ['180 cm', '190 cm', '200 cm'], '', 'skidor fjäll', 'Stålkant, fäll som fästs på under en minut.'),
  family('Snösko', 'SS', ['Skidor', 'Snöspår'], [1995, 1800], 'Hare Ripa Lo', ['22 tum', '25 tum'], '', 'snöskor', 'Klätterhjälp under hälen, broddar i härdat stål.'),
  family('Karta', 'KR', ['Navigation', 'Fjällkartan'], [189, 90], 'Abisko Kebnekaise Sarek Sylarna Grövelsjön Jämtlandsfjällen Kvikkjokk Hemavan', one, '', 'karta', 'Skala 1:50 000, rivtålig och vattentät.'),
  family('Strumpa', 'SU', ['Kläder', 'Merinogård'], [199, 70], 'Häl Tå Vrist Lagg Stormrand Fäbodväg', ['36–39', '40–43', '44–47'], 'Grå Blå', 'strumpor ull', 'Ullfrotté under foten, resår kring fotvalvet.'),
  family('Hängmatta', 'HM', ['Läger', 'Skogsro'], [599, 420], 'Vila Slummer Middagslur Gunga', ['1 pers', '2 pers'], 'Grön Blå', 'hängmatta läger', 'Fallskärmsväv, trädvänliga band ingår.'),
  family('Lägerstol', 'LG', ['Läger', 'Skogsro'], [749, 980], 'Utsikt Brasvakt Strandkant Morgonkaffe', one, 'Svart Oliv', 'stol läger', 'Aluminium, bär 120 kg, packas i en påse.'),
  family('Solglasögon', 'SG', ['Tillbehör', 'Nordnål'], [899, 28], 'Glaciär Snöblind Vårsol Sjöglitter Toppmöte', one, 'Svart Brun', 'glasögon sol', 'Polariserade glas, kategori 3 eller 4, sidoskydd som går att ta av.'),
  family('Vandringsstav', 'VS', ['Tillbehör', 'Stigfot'], [699, 480], 'Stöd Takt Balans Brant', ['100–120 cm', '120–140 cm'], '', 'stavar vandring', 'Par, tre delar, korkhandtag och spets i hårdmetall.'),
  family('Första hjälpen', 'FH', ['Tillbehör', 'Bärlag'], [299, 240], 'Skavsår Dagstur Vecka Expedition', one, '', 'säkerhet', 'Det som behövs och inget mer, i vattentätt fodral.'),
  family('Vattenfilter', 'VF', ['Kök', 'Källa'], [549, 90], 'Bäck Källa Jokk', one, 'Blå', 'vatten filter', 'Renar 1 000 liter, en liter i minuten.'),
  family('Vattenflaska', 'FL', ['Kök', 'Källa'], [229, 160], 'Klunk Törst Droppe Brunn', ['0,6 l', '1 l'], 'Blå Grön Röd', 'flaska', 'Rostfritt stål, bred öppning, tål att tappas.'),
  family('Kompass', 'KP', ['Navigation', 'Nordnål'], [449, 45], 'Nål Kurs Bäring', one, '', 'kompass', 'Lugn nål, spegel, självlysande märken.'),
]

/** What a model costs and weighs beside the others of its family: some are simpler, some finer. */
const steps = [0, 0.1, -0.1, 0.2, -0.15, 0.3, 0.05, -0.05, 0.15, 0.25]

/** About 300 products with some 2 500 variants: always the same. */
export function sampleCatalogue(): readonly ProductInput[] {
  let article = 0
  return families.flatMap(inBothFits).flatMap((line) =>
    line.models.map((model, index) => {
      const factor = 1 + (steps[index % steps.length] ?? 0)
      const price = Math.max(49, Math.round((line.price * factor) / 50) * 50 - 1)
      const weightGrams = Math.round(line.weight * factor)
      const variants = combine(line).map((options) => toVariant(line, model, options, { price, weightGrams, number: (article += 1) }))
      return toProduct(line, model, index, variants)
    }),
  )
}

/** Clothes and shoes are cut for women and for men. */
function inBothFits(line: Family): readonly Family[] {
  if (line.sizes !== clothes && line.sizes !== shoes) return [line]
  return [
    { ...line, noun: `${line.noun} dam`, code: `${line.code}D`, tags: [...line.tags, 'dam'] },
    { ...line, noun: `${line.noun} herr`, code: `${line.code}H`, tags: [...line.tags, 'herr'] },
  ]
}

function toProduct(line: Family, model: string, index: number, variants: readonly VariantInput[]): ProductInput {
  const handle = plain(`${line.noun}-${model}`)
  return {
    handle,
    title: `${line.vendor} ${line.noun} ${model}`,
    description: line.text,
    vendor: line.vendor,
    productType: line.type,
    tags: [...line.tags],
    status: index === line.models.length - 1 && line.models.length > 7 ? 'DRAFT' : 'ACTIVE',
    imageUrls: [`https://bilder.nordanvind.example/${handle}.jpg`],
    variants,
  }
}

interface Article {
  readonly price: number
  readonly weightGrams: number
  readonly number: number
}

function toVariant(
  line: Family,
  model: string,
  options: readonly { readonly name: string; readonly value: string }[],
  article: Article,
): VariantInput {
  const isOnSale = article.number % 11 === 0
  const was = Math.round(article.price * 1.25)
  return {
    sku: ['NV', line.code, model, ...options.map((option) => option.value)].map((part) => plain(part).toUpperCase()).join('-'),
    title: options.map((option) => option.value).join(' / ') || model,
    barcode: ean13(731_000_000_000 + article.number),
    price: { amount: `${article.price}.00`, currency: 'SEK' },
    compareAtPrice: isOnSale ? { amount: `${was}.00`, currency: 'SEK' } : null,
    weightGrams: article.weightGrams,
    options,
  }
}

function combine({ sizes, colours }: Family): readonly (readonly { readonly name: string; readonly value: string }[])[] {
  const bySize = sizes.length === 0 ? [[]] : sizes.map((value) => [{ name: 'Storlek', value }])
  if (colours.length === 0) return bySize
  return colours.flatMap((value) => bySize.map((options) => [{ name: 'Färg', value }, ...options]))
}

/** Small letters, digits and hyphens. */
function plain(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll('×', 'x')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

/** Twelve digits with the thirteenth, which checks them: the sum, weighed 1 and 3 in turn, is a multiple of ten. */
function ean13(twelveDigits: number): string {
  const digits = String(twelveDigits)
  const sum = Array.from(digits).reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0)
  return `${digits}${(10 - (sum % 10)) % 10}`
}

/** What lies in the warehouse and in the shop in Göteborg: between nothing and a few dozen, always the same. */
export function sampleStock(products: readonly ProductInput[]): readonly SetStockInput[] {
  return products.flatMap((product) =>
    (product.variants ?? []).flatMap(({ sku }) => {
      const seed = Array.from(sku).reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7)
      return [
        { sku, location: 'default', onHand: 4 + (seed % 37) },
        { sku, location: 'butik-goteborg', onHand: seed % 7 },
      ]
    }),
  )
}
