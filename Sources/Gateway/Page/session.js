// Who looks at the page, and what the server lets them call. The rules are the server's; here they only decide what is shown.

let mine = { auth: false }

export const who = () => mine

// Whether a call is worth a button.
export const may = (call) => !mine.auth || (mine.calls || []).includes(call)

export async function ask() {
  const answer = await fetch('session', { credentials: 'same-origin' })
  mine = answer.ok ? await answer.json() : { auth: true }
  return mine
}

// Gives what is wrong with the token; nothing: it is good.
export async function signIn(token) {
  const answer = await fetch('session', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token }), credentials: 'same-origin',
  })
  const body = await answer.json().catch(() => ({}))
  if (!answer.ok) return body.message || 'the server refuses it'
  mine = body
  return ''
}

export async function signOut() {
  await fetch('session', { method: 'DELETE', credentials: 'same-origin' })
  mine = { auth: true }
}
