/** The languages that the pages speak. */
export type PageLanguage = 'en' | 'zh-CN'

const words = {
  en: {
    signIn: 'Sign in',
    to: 'to Millrace',
    email: 'E-mail',
    password: 'Password',
    wrong: 'E-mail or password is wrong.',
    locked: 'Too many wrong tries. Wait a while and try again.',
    expired: 'This sign-in has expired. Go back to where you came from and begin again.',
    failed: 'The sign-in cannot go on.',
    signOut: 'Sign out',
    askSignOut: 'Do you want to sign out?',
    stay: 'Stay signed in',
    signedOut: 'You are signed out.',
    back: 'Back to Millrace',
  },
  'zh-CN': {
    signIn: '登录',
    to: '渠成 Millrace',
    email: '邮箱',
    password: '密码',
    wrong: '邮箱或密码错误。',
    locked: '错误次数过多,请稍后再试。',
    expired: '本次登录已过期。请返回原页面重新开始。',
    failed: '无法继续登录。',
    signOut: '退出登录',
    askSignOut: '确定要退出登录吗?',
    stay: '保持登录',
    signedOut: '您已退出登录。',
    back: '返回渠成',
  },
} as const

/** The one stylesheet of the pages; the content security policy names its hash. */
export const stylesheet = `
:root { color-scheme: light dark; --ink: #1c2733; --soft: #5b6b7b; --paper: #fff; --ground: #eef2f5; --line: #c5d0da; --water: #0b6e99; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9fb0c0; --paper: #18222c; --ground: #0e151c; --line: #3a4a59; --water: #4fb3dc; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; }
main { width: 100%; max-width: 24rem; padding: 2.25rem 2rem; background: var(--paper); border-top: 4px solid var(--water); border-radius: 8px; box-shadow: 0 8px 32px rgb(0 20 40 / .12); }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; }
h1 + p { margin: 0 0 1.5rem; color: var(--soft); }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; padding: .65rem .75rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 6px; }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 3px solid var(--water); outline-offset: 1px; }
button { width: 100%; margin-top: 1.5rem; padding: .75rem; font: inherit; font-weight: 600; color: var(--paper); background: var(--water); border: 1px solid var(--water); border-radius: 6px; cursor: pointer; }
button + button { margin-top: .75rem; color: var(--water); background: transparent; }
[role=alert] { margin: 0 0 1rem; padding: .6rem .75rem; color: var(--bad); border: 1px solid currentColor; border-radius: 6px; }
a { color: var(--water); }
code { overflow-wrap: anywhere; color: var(--soft); }
`

/** The form that asks for e-mail and password. */
export function signInPage(
  language: PageLanguage,
  { action, email = '', problem }: { action: string; email?: string; problem?: 'wrong' | 'locked' },
): string {
  const say = words[language]
  const [mailFocus, passwordFocus] = email ? ['', ' autofocus'] : [' autofocus', '']
  return page(
    language,
    say.signIn,
    `<h1>${say.signIn}</h1><p>${say.to}</p>${problem ? `<p role="alert">${say[problem]}</p>` : ''}
<form method="post" action="${escaped(action)}">
<label for="email">${say.email}</label><input id="email" name="email" type="email" autocomplete="username" required maxlength="320" value="${escaped(email)}"${mailFocus}>
<label for="password">${say.password}</label><input id="password" name="password" type="password" autocomplete="current-password" required maxlength="200"${passwordFocus}>
<button type="submit">${say.signIn}</button>
</form>`,
  )
}

/** Why a sign-in cannot go on; the code is for whoever helps. */
export function problemPage(language: PageLanguage, problem: 'expired' | 'failed', code: string): string {
  const say = words[language]
  return page(
    language,
    say.signIn,
    `<h1>${say.signIn}</h1><p>${say.to}</p><p role="alert">${say[problem]}</p><code>${escaped(code)}</code>`,
  )
}

/** Asks before somebody is signed out. `form` is the provider's own hidden form. */
export function signOutPage(language: PageLanguage, form: string): string {
  const say = words[language]
  return page(
    language,
    say.signOut,
    `<h1>${say.signOut}</h1><p>${say.askSignOut}</p>${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes">${say.signOut}</button>
<button type="submit" form="op.logoutForm">${say.stay}</button>`,
  )
}

export function signedOutPage(language: PageLanguage, home: string): string {
  const say = words[language]
  return page(language, say.signOut, `<h1>${say.signedOut}</h1><p><a href="${escaped(home)}">${say.back}</a></p>`)
}

function page(language: PageLanguage, title: string, content: string): string {
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Millrace</title><style>${stylesheet}</style></head>
<body><main>${content}</main></body></html>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
