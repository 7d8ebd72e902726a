// Queues, workers and the live events.
import { admin } from './api.js'
import { ask, cards, count, element, field, show, span, state, table, time } from './dom.js'
import { stateCounts } from './jobs.js'

const seconds = (duration) => (duration ? parseFloat(duration) : undefined)

// --- Queues ---

export async function queues({ draw, every, fail, query, signal, again }) {
  const prefix = query.get('prefix') || ''
  let token = query.get('page') || ''
  const look = async () => {
    const { queues: found = [], nextPageToken } = await admin('ListQueues', { prefix, pageSize: 200, pageToken: token }, signal)
    draw(element('h2', {}, 'Queues'),
      element('form', { class: 'filter', onsubmit: (event) => {
        event.preventDefault()
        location.hash = `#/queues?prefix=${encodeURIComponent(new FormData(event.target).get('prefix'))}`
      } }, field('prefix', 'Begins with', prefix), element('button', {}, 'Show')),
      table('Queues', [
        ['Queue', (row) => element('a', { href: `#/queues/${encodeURIComponent(row.name)}` }, row.name), 'text'],
        ['', (row) => (row.paused ? element('span', { class: 'state warm' }, 'paused') : '')],
        ['Ready', (row) => count(row.ready), 'number'], ['Scheduled', (row) => count(row.scheduled), 'number'],
        ['Running', (row) => count(row.running), 'number'], ['Dead', (row) => count(row.dead), 'number'],
        ['Succeeded', (row) => count(row.succeededTotal), 'number'], ['Oldest ready', (row) => span(seconds(row.oldestReadyAge)), 'number'],
        ['Workers', (row) => count(row.workers), 'number'],
      ], found, 'No queue begins so.'),
      nextPageToken && element('p', {}, element('a', {
        href: `#/queues?prefix=${encodeURIComponent(prefix)}&page=${encodeURIComponent(nextPageToken)}` }, 'More')))
  }
  await look()
  every(3000, () => look().catch(fail))
}

export async function queue({ argument: name, draw, every, fail, signal, again }) {
  const look = async () => {
    const { queues: found = [] } = await admin('ListQueues', { prefix: name, pageSize: 1000 }, signal)
    const one = found.find((row) => row.name === name)
    const act = (method, title, extra = {}, isDanger) => element('button', {
      needs: method, class: isDanger ? 'danger' : '',
      onclick: async () => {
        try {
          if (isDanger && !(await ask(`${title} ${name}?`, element('p', {}, 'This cannot be undone.'), title, true))) return
          await admin(method, { queue: name, ...extra })
          again()
        } catch (error) { fail(error) }
      },
    }, title)
    if (!one) return draw(element('h2', {}, name), element('p', { class: 'note' }, 'Nothing is known of this queue.'))
    draw(element('h2', {}, name),
      cards([['ready', count(one.ready)], ['scheduled', count(one.scheduled)], ['running', count(one.running)], ['blocked', count(one.blocked)],
        ['dead', count(one.dead)], ['succeeded', count(one.succeededTotal)], ['failed attempts', count(one.failedTotal)],
        ['oldest ready', span(seconds(one.oldestReadyAge)) || '–'], ['workers', count(one.workers)]]),
      element('div', { class: 'actions' },
        one.paused ? act('ResumeQueue', 'Resume') : act('PauseQueue', 'Pause'),
        act('RetryJobs', 'Retry dead jobs', { states: ['JOB_STATE_DEAD'], resetAttempts: true }),
        act('PurgeQueue', 'Purge waiting and finished', {}, true),
        act('DeleteQueue', 'Delete queue', {}, true)),
      stateCounts(name))
  }
  await look()
  every(3000, () => look().catch(fail))
}

// --- Workers ---

export async function workers({ draw, every, fail, query, signal, again }) {
  const token = query.get('page') || ''
  const look = async () => {
    const { workers: found = [], nextPageToken } = await admin('ListWorkers', { pageSize: 200, pageToken: token }, signal)
    draw(element('h2', {}, 'Workers'),
      table('Workers', [
        ['Worker', (row) => row.workerId, 'text'], ['Queues', (row) => (row.queues || []).join(', '), 'text'],
        ['Names', (row) => (row.names || []).join(', ') || 'all', 'text'],
        ['Running', (row) => `${row.running || 0} / ${row.maxInFlight || 0}`, 'number'],
        ['Succeeded', (row) => count(row.succeededTotal), 'number'], ['Failed', (row) => count(row.failedTotal), 'number'],
        ['Lost', (row) => count(row.lostTotal), 'number'], ['Connected', (row) => time(row.connectedAt)],
        ['From', (row) => [row.address, row.serverId].filter(Boolean).join(' at '), 'text'],
        ['', (row) => (row.draining ? element('span', { class: 'state warm' }, 'draining') : element('button', {
          needs: 'DrainWorker', onclick: () => admin('DrainWorker', { workerId: row.workerId }).then(again, fail), 'aria-label': `Drain ${row.workerId}`,
        }, 'Drain'))],
      ], found, 'No worker is connected.'),
      nextPageToken && element('p', {}, element('a', { href: `#/workers?page=${encodeURIComponent(nextPageToken)}` }, 'More')))
  }
  await look()
  every(3000, () => look().catch(fail))
}

// --- Live events ---

export async function events({ draw, follow, query }) {
  const filter = {}
  for (const name of ['queue', 'name', 'type', 'job', 'batch']) if (query.get(name)) filter[name] = query.get(name)
  const rows = []
  let isPaused = false
  const body = element('div', { 'aria-live': 'off' })
  const link = element('span', { class: 'note' }, 'connecting …')
  const paint = () => show(body, table('Events', [
    ['At', (row) => time(row.at)], ['', (row) => state(row.type.replace('EVENT_TYPE_', ''))],
    ['Job', (row) => (row.jobId ? element('a', { href: `#/jobs/${encodeURIComponent(row.jobId)}` }, row.jobId) : row.workerId || row.batchId || ''), 'mono text'],
    ['Queue', (row) => row.queue, 'text'], ['Name', (row) => row.name, 'text'], ['Attempt', (row) => row.attempt || '', 'number'],
    ['', (row) => row.failure?.message || row.progress?.message || (row.progress ? `${row.progress.percent || 0} %` : '') || row.call || '', 'text'],
  ], rows, 'Nothing has happened since this page was opened.'))
  let isDue = false
  const soon = () => {
    if (isDue || isPaused) return
    isDue = true
    requestAnimationFrame(() => { isDue = false; paint() })
  }
  const pause = element('button', { onclick: () => { isPaused = !isPaused; pause.textContent = isPaused ? 'Go on' : 'Pause'; soon() } }, 'Pause')
  draw(element('h2', {}, 'Events'),
    element('form', { class: 'filter', onsubmit: (event) => {
      event.preventDefault()
      const given = [...new FormData(event.target)].filter(([, value]) => value)
      location.hash = `#/events?${new URLSearchParams(given)}`
    } }, ['queue', 'name', 'type', 'job', 'batch'].map((name) => field(name, name[0].toUpperCase() + name.slice(1), query.get(name) || '')),
    element('button', {}, 'Show'), pause, link), body)
  paint()
  follow(filter, (event) => {
    rows.unshift(event)
    if (rows.length > 200) rows.pop()
    soon()
  }, (isOpen) => { link.textContent = isOpen ? 'live' : 'the connection is lost; trying again' })
}
