/** How a noun is written in each place; the templates say these words in double braces. */
export interface Names {
  readonly service: string
  /** Of values: `visitPlan`. */
  readonly noun: string
  readonly nouns: string
  /** Of the class: `VisitPlan`. */
  readonly Noun: string
  readonly Nouns: string
  /** Of the aggregate, its table and its ids: `visit_plan`. */
  readonly noun_id: string
  /** Of the folder and the files: `visit-plan`. */
  readonly 'noun-file': string
  /** Of the path: `visit-plans`. */
  readonly 'nouns-path': string
  /** In a sentence: `visit plan`. */
  readonly words: string
  readonly plural_words: string
  readonly Plural_words: string
  readonly a_words: string
  readonly A_words: string
  /** Of the fixture: `aVisitPlan`. */
  readonly aNoun: string
}

const longest = 40

/** What files of an aggregate end in, and what ids of the platform's own end in (`lead_import_…`). */
const endings = 'controller service queries schema consumers import module fixture spec problems events operations migrations parked'

const ofJavaScript =
  'abstract arguments await boolean break byte case catch char class const continue debugger default delete do double else enum eval ' +
  'export extends false final finally float for function goto if implements import in instanceof int interface let long native new null ' +
  'package private protected public return short static super switch synchronized this throw throws transient true try type typeof ' +
  'undefined var void volatile while with yield'

/** Words that Postgres 18 does not take as the name of a table. */
const ofSql =
  'all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently ' +
  'constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default ' +
  'deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner ' +
  'intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order ' +
  'outer overlaps placing primary references returning right select session_user similar some symmetric system_user table tablesample then ' +
  'to trailing true union unique user using variadic verbose when where window with'

/** The noun in every form. Refuses what is not written as one. */
export function namesOf(service: string, given: string): Names {
  if (!/^[a-z]+(-[a-z]+)*$/.test(given))
    throw new Error(`${JSON.stringify(given)} is not how a noun is written: small letters a to z, words joined by -, such as visit-plan.`)
  if (given.length > longest) throw new Error(`${given} is too long: a noun has at most ${longest} letters.`)
  const single = given.split('-')
  const last = single.at(-1)!
  const all = [...single.slice(0, -1), pluralOf(last)]
  const words = single.join(' ')
  const article = /^[aeio]/.test(words) ? 'an' : 'a'
  return {
    service,
    noun: camel(single),
    nouns: camel(all),
    Noun: pascal(single),
    Nouns: pascal(all),
    noun_id: single.join('_'),
    'noun-file': given,
    'nouns-path': all.join('-'),
    words,
    plural_words: all.join(' '),
    Plural_words: capital(all.join(' ')),
    a_words: `${article} ${words}`,
    A_words: `${capital(article)} ${words}`,
    aNoun: `${article}${pascal(single)}`,
  }
}

/** Refuses words of the languages that code is written in, and of the platform itself. */
export function mustBeNoKeyword({ 'noun-file': noun, Noun, noun_id }: Names): void {
  const last = noun.slice(noun.lastIndexOf('-') + 1)
  if (endings.split(' ').includes(last))
    throw new Error(`${noun} ends like a file or an id of the platform (${last}); name the thing itself.`)
  // The canary of the lint rules writes to folders of this name, and removes them.
  if (noun === 'canary') throw new Error(`${noun} is a word of the tests; choose another one.`)
  for (const [language, reserved] of Object.entries({ JavaScript: ofJavaScript, SQL: ofSql }))
    if (reserved.split(' ').includes(noun_id))
      throw new Error(`${noun} is a word of ${language}; choose another one, such as sales-${noun}.`)
  if (Noun in globalThis) throw new Error(`${Noun} means something in JavaScript; choose another word, such as sales-${noun}.`)
}

/** The plural, as most English nouns have it. */
export function pluralOf(word: string): string {
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`
  return /(s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`
}

export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function pascal(words: readonly string[]): string {
  return words.map(capital).join('')
}

function camel([first = '', ...rest]: readonly string[]): string {
  return first + pascal(rest)
}
