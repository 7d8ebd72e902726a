// Queues, workers and the live events.
import { admin } from './api.js'
import { ask, cards, count, element, field, show, span, state, table, time } from './dom.js'
import { stateCounts } from './jobs.js'

const seconds = (duration) => (duration ? parseFloat(duration) : undefined)

// --- Queues ---

// The limits of queues with their usage, by name. They are listed before those of keys; of more than these the rest is not looked at.
async function queueLimits(signal) {
  const byQueue = new Map()
  for (let page = 0, pageToken = ''; page < 5; page++) {
    const { limits = [], usage = [], nextPageToken } = await admin('ListLimits', { pageSize: 1000, pageToken }, signal)
    limits.forEach((limit, index) => { if (limit.queue !== undefined) byQueue.set(limit.queue, used(limit, usage[index] || {})) })
    if (!nextPageToken || limits.at(-1)?.queue === undefined) break
    pageToken = nextPageToken
  }
  return byQueue
}

const used = (limit, usage) => [
  limit.maxRunning && `${count(usage.running)} of ${count(limit.maxRunning)} run`,
  limit.rateCount && `${count(usage.startedInPeriod)} of ${count(limit.rateCount)} started in ${limit.ratePeriod}`,
  Number(limit.maxWaiting) && `${count(usage.waiting)} of ${count(limit.maxWaiting)} wait`,
].filter(Boolean).join(', ')

export async function queues({ draw, every, fail, query, signal, again }) {
  const prefix = query.get('prefix') || ''
  let token = query.get('page') || ''
  const look = async () => {
    const { queues: found = [], nextPageToken } = await admin('ListQueues', { prefix, pageSize: 200, pageToken: token }, signal)
    const limits = await queueLimits(signal)
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
        ['Workers', (row) => count(row.workers), 'number'], ['Limit', (row) => limits.get(row.name) || '', 'text'],
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
    const limit = (await queueLimits(signal)).get(name)
    draw(element('h2', {}, name),
      cards([['ready', count(one.ready)], ['scheduled', count(one.scheduled)], ['running', count(one.running)], ['blocked', count(one.blocked)],
        ['dead', count(one.dead)], ['succeeded', count(one.succeededTotal)], ['failed attempts', count(one.failedTotal)],
        ['oldest ready', span(seconds(one.oldestReadyAge)) || '–'], ['workers', count(one.workers)]]),
      element('div', { class: 'actions' },
        one.paused ? act('ResumeQueue', 'Resume') : act('PauseQueue', 'Pause'),
        act('RetryJobs', 'Retry dead jobs', { states: ['JOB_STATE_DEAD'], resetAttempts: true }),
        act('PurgeQueue', 'Purge waiting and finished', {}, true),
        act('DeleteQueue', 'Delete queue', {}, true)),
      limit && element('p', {}, 'Limit: ', limit, ' ', element('a', { href: '#/limits' }, 'All limits')),
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
  // The newest, at the end; texts until they are painted. More than these, and more often than four times a second, nobody reads.
  const most = 200, pace = 250, tooLate = 2000, tooMany = 4000
  let rows = [], fresh = 0, unseen = 0, least = Infinity, hasLeft = false, stream = null
  let isPaused = false
  const body = element('div', { 'aria-live': 'off' })
  const link = element('span', { class: 'note' }, 'connecting …')
  const missed = element('span', { class: 'note', role: 'status' })
  const paint = () => {
    rows = rows.slice(-most).map((row) => (typeof row === 'string' ? JSON.parse(row) : row))
    const many = Math.max(0, fresh - most)
    unseen += many
    fresh = 0
    // Events that come ever later come faster than they can be read: what lies between is left out. The two clocks may differ.
    const late = rows.length ? Date.now() - Date.parse(rows.at(-1).at) : 0
    least = Math.min(least, late)
    if (many && late - least > tooLate) {
      stream.rest(0)
      least = Infinity
      hasLeft = true
    }
    missed.textContent = unseen ? `${unseen}${hasLeft ? ' and more' : ''} came too fast to be shown` : ''
    paintRows()
  }
  const paintRows = () => show(body, table('Events', [
    ['At', (row) => time(row.at)], ['', (row) => state(row.type.replace('EVENT_TYPE_', ''))],
    ['Job', (row) => (row.jobId ? element('a', { href: `#/jobs/${encodeURIComponent(row.jobId)}` }, row.jobId) : row.workerId || row.batchId || ''), 'mono text'],
    ['Queue', (row) => row.queue, 'text'], ['Name', (row) => row.name, 'text'], ['Attempt', (row) => row.attempt || '', 'number'],
    ['', (row) => row.failure?.message || row.progress?.message || (row.progress ? `${row.progress.percent || 0} %` : '') || row.call || '', 'text'],
  ], [...rows].reverse(), 'Nothing has happened since this page was opened.'))
  let isDue = false
  const soon = () => {
    if (isDue || isPaused) return
    isDue = true
    setTimeout(() => { isDue = false; if (!isPaused) paint() }, pace)
  }
  const pause = element('button', { onclick: () => { isPaused = !isPaused; pause.textContent = isPaused ? 'Go on' : 'Pause'; soon() } }, 'Pause')
  draw(element('h2', {}, 'Events'),
    element('form', { class: 'filter', onsubmit: (event) => {
      event.preventDefault()
      const given = [...new FormData(event.target)].filter(([, value]) => value)
      location.hash = `#/events?${new URLSearchParams(given)}`
    } }, ['queue', 'name', 'type', 'job', 'batch'].map((name) => field(name, name[0].toUpperCase() + name.slice(1), query.get(name) || '')),
    element('button', {}, 'Show'), pause, link, ' ', missed), body)
  paint()
  // More of them in one draught would keep the browser from everything else, its timers and the reader's clicks too.
  let began = 0, draught = 0
  const drink = () => {
    const now = performance.now()
    if (now - began > pace) { began = now; draught = 0 }
    if (++draught < tooMany) return
    draught = 0
    hasLeft = true
    stream.rest(pace)
  }
  stream = follow(filter, (text) => {
    rows.push(text)
    fresh++
    drink()
    if (rows.length > 2 * most) rows = rows.slice(-most)
    soon()
  }, (isOpen) => { link.textContent = isOpen ? 'live' : 'the connection is lost; trying again' }, (text) => text)
}
