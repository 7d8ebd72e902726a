// The server's calls, as JSON over HTTP. Nothing here knows a rule: what may be done, the server says.

export class CallError extends Error {
  constructor(code, message) {
    super(message || code)
    this.code = code
  }
}

// Answers of calls whose page was left are not waited for.
export async function call(service, method, message = {}, signal) {
  let answer
  try {
    answer = await fetch(`gkick.v1.${service}/${method}`, {
      method: 'POST', headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
      body: JSON.stringify(message), signal, credentials: 'same-origin',
    })
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new CallError('unavailable', 'the server does not answer')
  }
  const text = await answer.text()
  let body = {}
  try { body = text ? JSON.parse(text) : {} } catch { /* a proxy's page */ }
  if (answer.status === 401) onStranger()
  if (!answer.ok) throw new CallError(body.code || `http ${answer.status}`, body.message)
  return body
}

// What is not a call: the series of the overview.
export async function read(path, signal) {
  let answer
  try {
    answer = await fetch(path, { signal, credentials: 'same-origin' })
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new CallError('unavailable', 'the server does not answer')
  }
  if (answer.status === 401) onStranger()
  if (!answer.ok) throw new CallError(`http ${answer.status}`, await answer.text())
  return answer.json()
}

// What is done when the server does not know, or no longer knows, who asks.
let onStranger = () => {}
export const whenStranger = (work) => { onStranger = work }

export const jobs = (method, message, signal) => call('JobService', method, message, signal)
export const admin = (method, message, signal) => call('AdminService', method, message, signal)

// The events that match, one by one, and again from where they were after a break. Gives what ends it.
// `read` makes of an event's text what `onEvent` is given.
export function follow(query, onEvent, onState = () => {}, read = JSON.parse) {
  const types = ['scheduled', 'enqueued', 'started', 'progress', 'succeeded', 'failed', 'dead', 'canceled', 'expired', 'lease_lost',
    'blocked', 'refused', 'queue_paused', 'queue_resumed', 'worker_connected', 'worker_disconnected', 'batch_finished', 'audit']
  let source = null, timer = null, last = '', isOver = false
  const open = () => {
    const parameters = new URLSearchParams(query)
    if (last) parameters.set('after', last)
    source = new EventSource(`events?${parameters}`)
    source.onopen = () => onState(true)
    source.onerror = () => {
      onState(false)
      // A refused stream is not tried again by the browser: the place may be gone, then from now on.
      if (source.readyState === EventSource.CLOSED && !isOver) {
        last = ''
        timer = setTimeout(open, 3000)
      }
    }
    for (const type of types) {
      source.addEventListener(type, (event) => {
        last = event.lastEventId
        onEvent(read(event.data), type)
      })
    }
  }
  open()
  // What is called to end it; `.rest` leaves out what has not come yet, and what happens in so many milliseconds.
  const stop = () => { isOver = true; clearTimeout(timer); source.close() }
  stop.rest = (time) => { last = ''; clearTimeout(timer); source.close(); timer = setTimeout(open, time) }
  return stop
}
