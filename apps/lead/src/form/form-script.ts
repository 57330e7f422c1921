import type { FormFieldName, Words } from './form.js'

interface ShownCustomField {
  readonly key: string
  readonly type: string
  readonly required: boolean
  readonly label: Words
  readonly help: Words | null
  readonly options: readonly { readonly key: string; readonly label: Words }[]
}

interface Shown {
  readonly key: string
  readonly fields: readonly { readonly name: FormFieldName; readonly required: boolean; readonly label: Words }[]
  readonly customFields: readonly ShownCustomField[]
  readonly thanks: Words
  readonly consent: Words | null
}

/** Plain JavaScript that shows the form in place of its own script tag and sends it. No cookies, nothing loaded from elsewhere. */
export function embedScript(form: Shown, publicUrl: string): string {
  return script
    .replace('__FORM__', () => asScript(form))
    .replace('__URL__', () => asScript(`${publicUrl}/v1/public-forms/${form.key}/send`))
}

/** A page with nothing but the form. */
export function formPage(key: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Contact · 联系我们</title>
<style>body{margin:0;background:#f5f6f8;font-family:system-ui,"PingFang SC","Microsoft YaHei",sans-serif}main{max-width:32rem;margin:0 auto;padding:2rem 1rem}</style>
</head>
<body><main><script src="/v1/public-forms/${key}/embed.js"></script></main></body>
</html>
`
}

/** A value inside a script: nothing in it can end the script. */
function asScript(value: unknown): string {
  return JSON.stringify(value).replace(/[<\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const script = `(function () {
  'use strict'
  var form = __FORM__
  var url = __URL__
  var at = document.currentScript
  var wished = at.getAttribute('data-language') || document.documentElement.getAttribute('data-language') || navigator.language || 'en'
  var language = /^zh/i.test(wished) ? 'zh-CN' : 'en'
  var words = {
    en: { choose: 'Please choose', send: 'Send', sending: 'Sending …', failed: 'This could not be sent. Please try again.' },
    'zh-CN': { choose: '请选择', send: '提交', sending: '正在提交……', failed: '提交失败,请重试。' },
  }[language]
  var types = { email: 'email', phone: 'tel' }
  var fills = { companyName: 'organization', contactName: 'name', jobTitle: 'organization-title', email: 'email', phone: 'tel', country: 'country' }
  var shownAt = Date.now()
  var submission = (window.crypto && crypto.randomUUID && crypto.randomUUID()) || String(shownAt) + '-' + String(Math.random()).slice(2)

  function make(name, attributes, text) {
    var element = document.createElement(name)
    for (var key in attributes) element.setAttribute(key, attributes[key])
    if (text) element.textContent = text
    return element
  }
  function add(parent, child) {
    parent.appendChild(child)
    return child
  }

  var style = make('style', {}, [
    '.millrace-form{display:grid;gap:14px;box-sizing:border-box;padding:24px;border:1px solid #d9dce3;border-radius:8px;background:#fff;color:#1f2430;font:16px/1.5 system-ui,"PingFang SC","Microsoft YaHei",sans-serif}',
    '.millrace-form label,.millrace-form fieldset{display:grid;gap:4px;min-width:0;font-weight:600;overflow-wrap:anywhere}',
    '.millrace-form fieldset{margin:0;padding:0;border:0}',
    '.millrace-form legend{padding:0 0 4px}',
    '.millrace-form input,.millrace-form textarea,.millrace-form select{box-sizing:border-box;width:100%;padding:10px 12px;border:1px solid #b8bdc9;border-radius:6px;font:inherit;font-weight:400;color:inherit;background:#fff}',
    '.millrace-form [aria-invalid=true]{border-color:#c62828}',
    '.millrace-form select,.millrace-form input[type=date]{min-height:46px}',
    '.millrace-form .millrace-consent,.millrace-form .millrace-option{display:flex;gap:8px;align-items:flex-start;padding:4px 0;font-weight:400}',
    '.millrace-form .millrace-consent input,.millrace-form .millrace-option input{flex:none;width:auto;margin-top:5px}',
    '.millrace-form fieldset[aria-invalid=true]{border-left:2px solid #c62828;padding-left:8px}',
    '.millrace-form .millrace-help{color:#5b6272;font-weight:400;font-size:14px}',
    '.millrace-form .millrace-error{color:#c62828;font-weight:400;font-size:14px}',
    '.millrace-form button{padding:12px 16px;border:0;border-radius:6px;background:#1554d1;color:#fff;font:inherit;font-weight:600;cursor:pointer}',
    '.millrace-form button[disabled]{opacity:.6;cursor:default}',
    '.millrace-form .millrace-hidden{position:absolute;left:-10000px;width:1px;height:1px;overflow:hidden}',
  ].join(''))
  var element = make('form', { class: 'millrace-form', novalidate: '' })
  var inputs = {}
  var errors = {}
  form.fields.forEach(function (field) {
    var label = add(element, make('label', {}, field.label[language] + (field.required ? ' *' : '')))
    var input = make(field.name === 'note' ? 'textarea' : 'input', { name: field.name, autocomplete: fills[field.name] || 'off' })
    if (field.name === 'note') input.setAttribute('rows', '4')
    else input.setAttribute('type', types[field.name] || 'text')
    if (field.required) input.setAttribute('aria-required', 'true')
    inputs['/values/' + field.name] = add(label, input)
    errors['/values/' + field.name] = add(label, make('span', { class: 'millrace-error' }))
  })
  var customTypes = { date: 'date', link: 'url' }
  var custom = {}
  function ask(field) {
    var pointer = '/custom/' + field.key
    var title = field.label[language] + (field.required ? ' *' : '')
    var many = field.type === 'multi_choice'
    var label = add(element, many ? make('fieldset', { tabindex: '-1' }) : make('label', {}, title))
    if (many) add(label, make('legend', {}, title))
    if (field.help) add(label, make('span', { class: 'millrace-help' }, field.help[language]))
    var input
    if (many) {
      input = label
      var boxes = field.options.map(function (option) {
        var line = add(label, make('label', { class: 'millrace-option' }))
        var box = add(line, make('input', { type: 'checkbox', name: field.key, value: option.key }))
        add(line, make('span', {}, option.label[language]))
        return box
      })
      custom[field.key] = function () {
        var chosen = boxes.filter(function (box) { return box.checked }).map(function (box) { return box.value })
        return chosen.length ? chosen : undefined
      }
    } else {
      if (field.type === 'choice') {
        input = make('select', { name: field.key })
        add(input, make('option', { value: '' }, words.choose))
        field.options.forEach(function (option) {
          add(input, make('option', { value: option.key }, option.label[language]))
        })
      } else {
        input = make('input', { name: field.key, type: customTypes[field.type] || 'text', autocomplete: 'off' })
        if (field.type === 'number') input.setAttribute('inputmode', 'decimal')
        if (field.type === 'link') input.setAttribute('placeholder', 'https://')
        if (field.type === 'text') input.setAttribute('maxlength', '500')
      }
      add(label, input)
      custom[field.key] = function () {
        return input.value.trim() || undefined
      }
    }
    if (field.required && !many) input.setAttribute('aria-required', 'true')
    inputs[pointer] = input
    errors[pointer] = add(label, make('span', { class: 'millrace-error' }))
  }
  form.customFields.forEach(ask)
  var hidden = add(element, make('div', { class: 'millrace-hidden', 'aria-hidden': 'true' }))
  var homepage = add(hidden, make('input', { name: 'homepage', tabindex: '-1', autocomplete: 'off' }))
  var consent
  if (form.consent) {
    var agreed = add(element, make('label', { class: 'millrace-consent' }))
    consent = add(agreed, make('input', { type: 'checkbox', name: 'consent' }))
    add(agreed, make('span', {}, form.consent[language]))
    inputs['/consent'] = consent
    errors['/consent'] = add(element, make('span', { class: 'millrace-error' }))
  }
  var status = make('div', { role: 'status', 'aria-live': 'polite', class: 'millrace-error' })
  var button = add(element, make('button', { type: 'submit' }, words.send))
  add(element, status)

  function utm() {
    var found = {}
    ;['source', 'medium', 'campaign', 'term', 'content'].forEach(function (name) {
      var match = new RegExp('[?&]utm_' + name + '=([^&#]*)').exec(location.search)
      if (!match) return
      try {
        found[name] = decodeURIComponent(match[1].replace(/\\+/g, ' ')).slice(0, 200)
      } catch (error) {
        // not a word of ours
      }
      if (!found[name]) delete found[name]
    })
    return found
  }
  function tell(problem) {
    var first
    ;(problem.errors || []).forEach(function (error) {
      var pointer = errors[error.pointer] ? error.pointer : '/values/email'
      if (!errors[pointer]) return (status.textContent = error.detail)
      errors[pointer].textContent = error.detail
      inputs[pointer].setAttribute('aria-invalid', 'true')
      first = first || inputs[pointer]
    })
    if (first) first.focus()
    else if (!status.textContent) status.textContent = problem.detail || words.failed
  }
  element.addEventListener('submit', function (event) {
    event.preventDefault()
    var values = {}
    Object.keys(errors).forEach(function (pointer) {
      errors[pointer].textContent = ''
      inputs[pointer].removeAttribute('aria-invalid')
    })
    form.fields.forEach(function (field) {
      var value = inputs['/values/' + field.name].value.trim()
      if (value) values[field.name] = value
    })
    var filled = {}
    Object.keys(custom).forEach(function (key) {
      var value = custom[key]()
      if (value !== undefined) filled[key] = value
    })
    status.textContent = words.sending
    button.disabled = true
    var body = { submission: submission, values: values, custom: filled, consent: Boolean(consent && consent.checked), homepage: homepage.value, elapsedMs: Math.min(Date.now() - shownAt, 86400000), page: String(location.href).slice(0, 1000), utm: utm(), language: language }
    fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', 'accept-language': language }, body: JSON.stringify(body) })
      .then(function (answer) {
        return answer.json().then(function (told) {
          status.textContent = ''
          button.disabled = false
          if (!answer.ok) return tell(told)
          var thanks = make('div', { class: 'millrace-form', role: 'status', tabindex: '-1' }, told.thanks)
          element.parentNode.replaceChild(thanks, element)
          thanks.focus()
        })
      })
      .catch(function () {
        status.textContent = words.failed
        button.disabled = false
      })
  })
  at.parentNode.insertBefore(style, at)
  at.parentNode.insertBefore(element, at)
})()
`
