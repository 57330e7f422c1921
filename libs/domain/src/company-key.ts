/** What likeness of companies and people is judged by, made from what was typed. The original is kept beside it. */

const suffixes = [
  '股份有限公司',
  '有限责任公司',
  '集团有限公司',
  '有限公司',
  '集团公司',
  '公司',
  '集团',
  'incorporated',
  'inc',
  'corporation',
  'corp',
  'company',
  'co',
  'limited',
  'ltd',
  'llc',
  'llp',
  'plc',
  'gmbh',
  'ag',
  'kg',
  'ug',
  'bv',
  'nv',
  'sarl',
  'sas',
  'sa',
  'srl',
  'spa',
  'pty',
  'kk',
  '株式会社',
  '合同会社',
  '有限会社',
]

/** The company's name without width, case, punctuation and legal form: `ACME, Ltd.` and `acme` are the same key. */
export function companyKey(name: string): string | null {
  let key = fold(name)
  for (let before = ''; before !== key;) {
    before = key
    for (const suffix of suffixes) {
      const han = /[\u3040-\u9fff]$/.test(suffix)
      if (key.length > suffix.length && key.endsWith(han ? suffix : ` ${suffix}`)) key = key.slice(0, -suffix.length).trim()
      if (han && key.length > suffix.length && key.startsWith(suffix)) key = key.slice(suffix.length).trim()
    }
  }
  return key.replace(/ /g, '') || null
}

/** A person's name without width, case, punctuation and spaces. */
export function contactKey(name: string): string | null {
  return fold(name).replace(/ /g, '') || null
}

/** An e-mail address as mail systems in practice compare it: lower case, without surrounding space. */
export function emailKey(email: string): string {
  return email.normalize('NFKC').trim().toLowerCase()
}

function fold(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}
