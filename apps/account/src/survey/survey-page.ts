import type { SurveyKind, Words } from './survey.js'

type Language = keyof Words

interface Shown {
  readonly state: 'open' | 'answered' | 'expired'
  readonly kind: SurveyKind
  readonly question: Words
  readonly commentQuestion: Words | null
  readonly lowest: number
  readonly highest: number
}

/** What is said after answering. */
export const thanks: Words = { en: 'Thank you for your answer.', 'zh-CN': '感谢您的反馈。' }

const words = {
  en: {
    title: 'Your opinion',
    send: 'Send',
    sending: 'Sending …',
    choose: 'Please choose a score first.',
    failed: 'This could not be sent. Please try again.',
    scripts: 'This page needs JavaScript to send your answer.',
    ends: {
      csat: ['very dissatisfied', 'very satisfied'],
      nps: ['not at all likely', 'extremely likely'],
    },
    answered: 'This survey has been answered already. Thank you; there is nothing left to do.',
    expired: 'This survey has expired. Ask whoever sent it for a new link.',
    unknown: 'This link leads to no survey. It may have been replaced by a newer one; ask whoever sent it.',
  },
  'zh-CN': {
    title: '您的意见',
    send: '提交',
    sending: '正在提交……',
    choose: '请先选择评分。',
    failed: '提交失败,请重试。',
    scripts: '提交答案需要启用 JavaScript。',
    ends: {
      csat: ['非常不满意', '非常满意'],
      nps: ['完全不可能', '非常可能'],
    },
    answered: '该调查已经提交过答案。感谢您,无需再次填写。',
    expired: '该调查已过期。请向发送人索取新的链接。',
    unknown: '该链接没有对应的调查,可能已被新的链接取代。请联系发送人。',
  },
} as const

const languageNames: Words = { en: 'English', 'zh-CN': '中文' }

/** The page on which a contact answers; undefined: the link leads to nothing. It shows and does not answer: programs that look at links in mails call it, too. */
export function surveyPage(token: string, survey: Shown | undefined, language: Language): string {
  const said = words[language]
  const other: Language = language === 'en' ? 'zh-CN' : 'en'
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${said.title}</title>
<style>${style}</style>
</head>
<body>
<main>
<nav><a href="?lang=${other}" lang="${other}" hreflang="${other}">${languageNames[other]}</a></nav>
${survey?.state === 'open' ? form(token, survey, language) : `<p class="card" role="status">${said[survey ? (survey.state as 'answered' | 'expired') : 'unknown']}</p>`}
</main>
</body>
</html>
`
}

function form(token: string, { kind, question, commentQuestion, lowest, highest }: Shown, language: Language): string {
  const said = words[language]
  const scores = Array.from({ length: highest - lowest + 1 }, (_, n) => lowest + n)
  const [least, most] = said.ends[kind]
  const named = (score: number) => (score === lowest ? ` aria-describedby="least"` : score === highest ? ` aria-describedby="most"` : '')
  const radio = (score: number) => `<label><input type="radio" name="score" value="${score}"${named(score)}><span>${score}</span></label>`
  return `<form class="card" id="survey" novalidate data-language="${language}" data-sending="${said.sending}" data-choose="${said.choose}" data-failed="${said.failed}">
<fieldset>
<legend>${escaped(question[language])}</legend>
<div class="scale">${scores.map(radio).join('')}</div>
<div class="ends"><span id="least">${lowest} · ${least}</span><span id="most">${highest} · ${most}</span></div>
</fieldset>
${commentQuestion ? `<label class="comment">${escaped(commentQuestion[language])}<textarea name="comment" rows="4" maxlength="2000"></textarea></label>` : ''}
<div id="status" role="status" aria-live="polite"></div>
<button type="submit">${said.send}</button>
<noscript><p>${said.scripts}</p></noscript>
</form>
<script src="/v1/public-surveys/${token}/page.js" defer></script>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

const style = [
  'body{margin:0;background:#f5f6f8;color:#1f2430;font:16px/1.5 system-ui,"PingFang SC","Microsoft YaHei",sans-serif}',
  'main{max-width:36rem;margin:0 auto;padding:1.5rem 1rem}',
  'nav{text-align:right;margin-bottom:12px}nav a{color:#1554d1;display:inline-block;padding:8px}',
  '.card{display:grid;gap:20px;box-sizing:border-box;margin:0;padding:24px;border:1px solid #d9dce3;border-radius:8px;background:#fff}',
  'fieldset{min-width:0;margin:0;padding:0;border:0}legend{padding:0;margin-bottom:16px;font-size:20px;font-weight:600;overflow-wrap:anywhere}',
  '.scale{display:grid;grid-template-columns:repeat(auto-fit,minmax(44px,1fr));gap:8px}',
  '.scale label{position:relative;cursor:pointer}',
  '.scale input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:pointer}',
  '.scale span{display:block;padding:10px 0;border:1px solid #767c8a;border-radius:6px;text-align:center;font-weight:600}',
  '.scale input:checked+span{border-color:#1554d1;background:#1554d1;color:#fff}',
  '.scale input:focus-visible+span{outline:3px solid #1f2430;outline-offset:2px}',
  '.ends{display:flex;justify-content:space-between;gap:16px;margin-top:8px;font-size:14px;color:#4a5060}',
  '.comment{display:grid;gap:4px;font-weight:600;overflow-wrap:anywhere}',
  'textarea{box-sizing:border-box;width:100%;padding:10px 12px;border:1px solid #767c8a;border-radius:6px;font:inherit;font-weight:400;color:inherit}',
  '#status{color:#c62828}#status:empty{display:none}',
  'button{padding:12px 16px;border:0;border-radius:6px;background:#1554d1;color:#fff;font:inherit;font-weight:600;cursor:pointer}',
  'button[disabled]{opacity:.6;cursor:default}',
].join('')

/** Plain JavaScript that sends what was chosen on the page. No cookies, nothing loaded from elsewhere. */
export const pageScript = `(function () {
  'use strict'
  var form = document.getElementById('survey')
  var status = document.getElementById('status')
  var button = form.querySelector('button')
  form.addEventListener('change', function () {
    status.textContent = ''
  })
  form.addEventListener('submit', function (event) {
    event.preventDefault()
    var chosen = form.querySelector('input[name=score]:checked')
    if (!chosen) {
      status.textContent = form.getAttribute('data-choose')
      form.querySelector('input[name=score]').focus()
      return
    }
    var written = form.querySelector('textarea')
    var comment = written ? written.value.trim() : ''
    var language = form.getAttribute('data-language')
    var body = { score: Number(chosen.value), comment: comment || null, language: language }
    status.textContent = form.getAttribute('data-sending')
    button.disabled = true
    fetch(location.pathname.replace(/page$/, 'answer'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept-language': language },
      body: JSON.stringify(body),
    })
      .then(function (answer) {
        return answer.json().then(function (told) {
          button.disabled = false
          if (!answer.ok) {
            status.textContent = told.detail || form.getAttribute('data-failed')
            return
          }
          var said = document.createElement('p')
          said.className = 'card'
          said.setAttribute('role', 'status')
          said.setAttribute('tabindex', '-1')
          said.textContent = told.thanks
          form.parentNode.replaceChild(said, form)
          said.focus()
        })
      })
      .catch(function () {
        status.textContent = form.getAttribute('data-failed')
        button.disabled = false
      })
  })
})()
`
