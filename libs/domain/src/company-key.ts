/** What likeness of companies and people is judged by, made from what was typed. The original is kept beside it. */

const legalForms = [
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
].map((form) => {
  const isHan = /[\u3040-\u9fff]$/.test(form)
  return { form, isHan, ending: isHan ? form : ` ${form}` }
})

/** The company's name without width, case, punctuation and legal form: `ACME, Ltd.` and `acme` are the same key. */
export function companyKey(name: string): string | null {
  return unsuffixed(name).replace(/ /g, '') || null
}

/** The words of a company's name without its legal form. */
export function unsuffixed(name: string): string {
  let words = fold(name)
  for (let before = ''; before !== words;) {
    before = words
    for (const { form, isHan, ending } of legalForms) {
      if (words.length > form.length && words.endsWith(ending)) words = words.slice(0, -form.length).trim()
      if (isHan && words.length > form.length && words.startsWith(form)) words = words.slice(form.length).trim()
    }
  }
  return words
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
