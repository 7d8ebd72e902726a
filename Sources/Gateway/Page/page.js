// The page: a hash says what is shown, each view asks the server and draws what it answers.
import { CallError, admin, follow, whenStranger } from './api.js'
import { element, field, show } from './dom.js'
import { batch, batches, limits, recurring } from './flow.js'
import { job, jobList } from './jobs.js'
import { overview } from './overview.js'
import * as session from './session.js'
import { events, queue, queues, workers } from './views.js'

const main = document.getElementById('main')
const alertBox = document.getElementById('alert')
let leave = () => {}
let shown = 0

const routes = [
  [/^$/, overview, 'Overview'], [/^queues$/, queues, 'Queues'], [/^queues\/(.+)$/, queue, 'Queue'],
  [/^jobs$/, jobList, 'Jobs'], [/^jobs\/(.+)$/, job, 'Job'], [/^workers$/, workers, 'Workers'],
  [/^recurring$/, recurring, 'Recurring jobs'], [/^batches$/, batches, 'Batches'], [/^batches\/(.+)$/, batch, 'Batch'],
  [/^limits$/, limits, 'Limits'], [/^events$/, events, 'Events'],
]

export function fail(error) {
  if (error?.name === 'AbortError') return
  alertBox.textContent = error instanceof CallError ? `${error.message} (${error.code})` : String(error?.message || error)
  alertBox.hidden = false
}

// In place of what the server does not show to strangers.
function strangers() {
  leave()
  shown++
  leave = () => {}
  alertBox.hidden = true
  document.title = 'Sign in · gKick'
  const wrong = element('p', { role: 'alert' })
  show(main, element('h2', {}, 'Sign in'),
    element('form', { class: 'filter', onsubmit: async (event) => {
      event.preventDefault()
      wrong.textContent = await session.signIn(new FormData(event.target).get('token').trim()).catch(() => 'the server does not answer')
      if (!wrong.textContent) begin()
    } }, field('token', 'Token', '', { type: 'password', autocomplete: 'current-password', required: true }), element('button', {}, 'Sign in')),
    wrong, element('p', { class: 'note' }, 'It is kept in a cookie that no script can read, until you sign out or the browser ends.'))
  main.querySelector('input').focus()
  whoLooks()
}

function whoLooks() {
  const { auth, principal, roles = [] } = session.who()
  show(document.getElementById('session'), auth && principal && [`${principal} (${roles.join(', ')}) `,
    element('button', { onclick: () => session.signOut().then(strangers, fail) }, 'Sign out')])
}

function begin() {
  whoLooks()
  whoAnswers()
  route()
}

function route() {
  if (session.who().auth && !session.who().principal) return strangers()
  leave()
  const mine = ++shown
  const stop = new AbortController()
  const undo = [() => stop.abort()]
  leave = () => undo.splice(0).forEach((one) => one())
  alertBox.hidden = true
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?')
  const found = routes.map(([pattern, view, title]) => [path.match(pattern), view, title]).find(([match]) => match)
  for (const link of document.querySelectorAll('nav a')) {
    const isHere = link.hash === `#/${path.split('/')[0]}`
    if (isHere) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  if (!found) return show(main, 'There is no such page.')
  const [match, view, title] = found
  document.title = `${match[1] ? decodeURIComponent(match[1]) : title} · gKick`
  const context = {
    argument: match[1] ? decodeURIComponent(match[1]) : '', query: new URLSearchParams(query || ''), signal: stop.signal,
    draw: (...children) => { if (mine === shown) show(main, ...children) },
    fail: (error) => { if (mine === shown) fail(error) },
    // Runs again every so often, while the page is looked at.
    every: (milliseconds, work) => {
      const timer = setInterval(() => { if (!document.hidden) work() }, milliseconds)
      undo.push(() => clearInterval(timer))
    },
    follow: (filter, onEvent, onState, read) => {
      const stop = follow(filter, onEvent, onState, read)
      undo.push(stop)
      return stop
    },
    again: () => route(),
  }
  context.draw(element('h2', {}, context.argument || title))
  Promise.resolve(view(context)).catch(context.fail)
}

async function whoAnswers() {
  if (session.who().auth && !session.who().principal) return
  const text = document.getElementById('server')
  try {
    const info = await admin('GetServerInfo')
    const { servers = [] } = await admin('ListServers').catch(() => ({}))
    const leader = servers.find((one) => one.leads)
    text.textContent = `${info.serverId} ${info.version} · ${info.store}` +
      (servers.length > 1 ? ` · ${servers.length} servers, ${leader ? leader.serverId : 'nobody'} leads` : '')
  } catch (error) {
    text.textContent = error.message
  }
}

addEventListener('hashchange', () => { route(); main.focus() })
addEventListener('keydown', (event) => {
  if (event.target.closest('input, textarea, select, dialog') || event.metaKey || event.ctrlKey || event.altKey) return
  const place = { o: '', q: 'queues', j: 'jobs', w: 'workers', r: 'recurring', b: 'batches', l: 'limits', e: 'events' }[event.key]
  if (place !== undefined) location.hash = `#/${place}`
  if (event.key === '/') { event.preventDefault(); document.querySelector('form.filter input')?.focus() }
})
whenStranger(() => session.ask().catch(() => {}).then(() => { if (session.who().auth && !session.who().principal) strangers() }))
setInterval(() => { if (!document.hidden) whoAnswers() }, 10000)
session.ask().catch(fail).finally(begin)
