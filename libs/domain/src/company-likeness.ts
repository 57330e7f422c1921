/**
 * Whether two company names mean the same company, as a salesperson would say. Names are taken apart first: a Chinese one into place, name,
 * trade and legal form (北京 · 云图 · 科技 · 有限公司), any other into its words without the legal form.
 */
import { companyKey, unsuffixed } from './company-key.js'

/** From this score on two names are taken for one company. */
export const likeEnough = 70

interface Parts {
  readonly places: ReadonlySet<string>
  /** What tells the company from others: the name proper of a Chinese or Japanese company. */
  readonly name: string
  readonly trade: string
  /** Words in letters, in their order. */
  readonly words: readonly string[]
}

/** How alike two company names are, 0–100: 100 is the same key, `likeEnough` and more the same company, 0 another one. */
export function companyLikeness(a: string, b: string): number {
  const key = companyKey(a)
  if (key && key === companyKey(b)) return 100
  const [one, other] = [partsOf(a), partsOf(b)]
  const names = namesAlike(one, other)
  const words = wordsAlike(one.words, other.words)
  if (!names && !words) return 0
  // 云图科技 Cloudmap and 云图科技: what both have has to be the same.
  if ((one.name && other.name && !names) || (one.words.length && other.words.length && !words)) return 0
  const partly = Boolean(one.name) !== Boolean(other.name) || Boolean(one.words.length) !== Boolean(other.words.length)
  return Math.min(names || 100, words || 100) - (partly ? 15 : 0)
}

/**
 * What a company name is found by: two names that are alike have at least one of these in common, and few others have. Its key; a single word
 * and, when it is long enough for a slip, that word without each of its letters; of several words two together, of which one may have a slip.
 */
export function companyTokens(company: string): string[] {
  const { name, words } = partsOf(company)
  const key = companyKey(company)
  return [...new Set([...(key ? [key] : []), ...(name ? singly(name) : []), ...together([...words].sort())])]
}

/** Of sorted words, names that differ in one have at least two of the first three in common. */
function together([a, b, c]: readonly string[]): string[] {
  if (!a) return []
  if (!b) return singly(a)
  return c ? [`${a} ${b}`, `${a} ${c}`, `${b} ${c}`] : [...besides(a, b), ...besides(b, a)]
}

function singly(word: string): string[] {
  return mayHaveSlip(word) ? [word, ...Array.from(word, (_, n) => word.slice(0, n) + word.slice(n + 1))] : [word]
}

/** One slip spares the beginning or the end of the other word. */
function besides(whole: string, other: string): string[] {
  return mayHaveSlip(other) ? [`${whole} ${other.slice(0, 2)}…`, `${whole} …${other.slice(-2)}`] : [`${whole} ${other}`]
}

function namesAlike(one: Parts, other: Parts): number {
  if (!one.name || !other.name) return 0
  const slip = one.name === other.name ? 0 : oneSlip(one.name, other.name) ? 15 : undefined
  if (slip === undefined || one.trade !== other.trade) return 0
  const [fewer, more] = one.places.size < other.places.size ? [one.places, other.places] : [other.places, one.places]
  if ([...fewer].some((place) => !more.has(place))) return 0
  return 95 - slip - (fewer.size === more.size ? 0 : 10)
}

/** Each word of one is a word of the other, in any order; a slip in one of them is forgiven. */
function wordsAlike(one: readonly string[], other: readonly string[]): number {
  if (!one.length || one.length !== other.length) return 0
  const left = [...other]
  let slips = 0
  for (const word of one) {
    let found = left.indexOf(word)
    if (found < 0) {
      found = left.findIndex((candidate) => oneSlip(word, candidate))
      slips += 1
    }
    if (found < 0 || slips > 1) return 0
    left.splice(found, 1)
  }
  return 95 - slips * 15
}

/** One letter more, less or another one. In a short word that makes another word. */
function oneSlip(a: string, b: string): boolean {
  if (!mayHaveSlip(a) || !mayHaveSlip(b) || Math.abs(a.length - b.length) > 1) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  return Math.max(a.length, b.length) - start - end <= 1
}

/** Numbers tell one from another: Site 10045 is not Site 10046. */
function mayHaveSlip(word: string): boolean {
  return word.length >= (han.test(word) ? 4 : 5) && !/\p{N}/u.test(word)
}

const han = /[\u3040-\u30ff\u3400-\u9fff]/
const filler = new Set(['and', 'the', 'und', 'der', 'die', 'das', 'of', 'et', 'de'])
const letters: Record<string, string> = { ä: 'ae', ö: 'oe', ü: 'ue', ß: 'ss', æ: 'ae', ø: 'oe', å: 'aa' }

function partsOf(company: string): Parts {
  const text = unsuffixed(company)
  const places = new Set<string>()
  let name = (text.match(/[\u3040-\u30ff\u3400-\u9fff]+/g) ?? []).join('')
  const at = (place: string) => {
    places.add(place)
    return ''
  }
  // A place counts at the beginning and at the end, where it stands for itself: 中山 in 孙中山纪念 is none.
  for (let before = ''; before !== name;) {
    before = name
    const rest = name.replace(placeFirst, (_, place: string) => at(place)).replace(placeLast, (_, place: string) => at(place))
    if (rest) name = rest
  }
  const trade = trades.find(([suffix]) => name.length > suffix.length && name.endsWith(suffix))
  const words = text
    .replace(/[\u3040-\u30ff\u3400-\u9fff]+/g, ' ')
    .replace(/[äöüßæøå]/g, (letter) => letters[letter]!)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .split(' ')
    .filter((word) => word && !filler.has(word))
  return { places, name: trade ? name.slice(0, -trade[0].length) : name, trade: trade?.[1] ?? '', words }
}

/** Provinces, and the cities that companies are most often named after; GB/T 2260 without 省, 市 and 自治区. */
const place =
  '北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|' +
  '石家庄|唐山|保定|太原|大同|沈阳|大连|鞍山|长春|哈尔滨|大庆|南京|无锡|徐州|常州|苏州|南通|扬州|镇江|昆山|江阴|杭州|宁波|温州|嘉兴|绍兴|金华|义乌|台州|合肥|芜湖|福州|厦门|泉州|漳州|' +
  '南昌|九江|赣州|济南|青岛|淄博|烟台|潍坊|威海|临沂|郑州|洛阳|武汉|宜昌|襄阳|长沙|株洲|湘潭|广州|深圳|珠海|汕头|佛山|江门|湛江|惠州|东莞|中山|南宁|柳州|桂林|海口|三亚|成都|绵阳|贵阳|遵义|' +
  '昆明|西安|宝鸡|咸阳|兰州|西宁|银川|乌鲁木齐|呼和浩特|包头|拉萨|台北|东京|大阪|名古屋|横滨|東京|横浜'
const placeFirst = new RegExp(`^(${place})(?:特别行政区|自治区|省|市)?`)
const placeLast = new RegExp(`(${place})(?:省|市)?$`)

/** Trades as company names end in them, the longer first, and the word that those of one kind are judged by. */
const trades = (
  [
    ['科技', '科技|技术|信息技术|信息科技|网络科技|网络技术|智能科技|电子科技|软件|软件科技|软件技术|数字科技|数据科技|科技发展|技术开发'],
    ['贸易', '贸易|商贸|国际贸易|进出口|进出口贸易'],
    ['制造', '制造|机械|机械制造|装备|装备制造|设备'],
    ['实业', '实业|实业发展|工业|产业'],
    ['投资', '投资|投资管理|资本|资产管理|基金管理'],
    ['咨询', '咨询|管理咨询|企业管理|企业管理咨询|顾问'],
    ['传媒', '传媒|文化传媒|文化|文化传播|广告|广告传媒'],
    ['建设', '建设|建筑|建筑工程|工程|建设工程|建设集团'],
    ['物流', '物流|供应链|供应链管理|运输'],
    ['医药', '医药|药业|制药|医疗|医疗器械|医疗科技|生物|生物科技|生物医药'],
    ['食品', '食品|饮料|餐饮|餐饮管理'],
    ['地产', '地产|房地产|置业|房地产开发'],
    ['电子', '电子|电器|电气|半导体|微电子'],
    ['银行', '银行|商业银行'],
    ['保险', '保险|人寿保险|财产保险'],
    ['能源', '能源|新能源|电力|石油|石化|化工|化学'],
    ['汽车', '汽车|汽车销售|汽车零部件'],
  ] as const
)
  .flatMap(([kind, endings]) => endings.split('|').map((ending) => [ending, kind] as const))
  .sort(([a], [b]) => b.length - a.length)
