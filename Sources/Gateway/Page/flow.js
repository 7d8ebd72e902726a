// Recurring jobs, batches and limits.
import { admin, jobs } from './api.js'
import { ask, cards, count, element, facts, field, table, time } from './dom.js'

// --- Recurring jobs ---

export async function recurring({ draw, every, fail, query, signal, again }) {
  const look = async () => {
    const { recurringJobs: found = [], nextPageToken } = await admin('ListRecurringJobs', { pageSize: 200, pageToken: query.get('page') || '' }, signal)
    const put = (one) => admin('PutRecurringJob', { recurringJob: one }).then(again, fail)
    const edit = async (one) => {
      const next = await preview(one).catch(() => [])
      const given = await ask(one.id ? `Change ${one.id}` : 'New recurring job', [
        !one.id && field('id', 'Id', '', { required: true }), field('cron', 'Cron (5 or 6 fields)', one.cron || ''),
        field('every', 'Or every, e.g. 90s', one.every || ''), field('timeZone', 'Time zone', one.timeZone || ''),
        field('queue', 'Queue', one.job?.queue || 'default'), field('name', 'Name of its jobs', one.job?.name || '', { required: true }),
        next.length > 0 && element('p', { class: 'note' }, 'Next: ', next.map((at) => [time(at), ' '])),
      ], 'Put')
      if (!given) return
      const { id = one.id, cron, every: period, timeZone, queue, name } = given
      put({ ...one, id, cron: cron || undefined, every: cron ? undefined : period || undefined, timeZone, nextRunAt: undefined, lastRunAt: undefined,
        job: { ...(one.job || {}), queue, name } })
    }
    draw(element('h2', {}, 'Recurring jobs'), element('div', { class: 'actions' }, element('button', { needs: 'PutRecurringJob', onclick: () => edit({}) }, 'New')),
      table('Recurring jobs', [
        ['Id', (row) => row.id, 'text'], ['When', (row) => `${row.cron || `every ${row.every}`} ${row.timeZone || ''}`, 'mono'],
        ['Job', (row) => `${row.job?.name} in ${row.job?.queue || 'default'}`, 'text'],
        ['Next', (row) => (row.paused ? element('span', { class: 'state warm' }, 'paused') : time(row.nextRunAt))], ['Last', (row) => time(row.lastRunAt)],
        ['', (row) => element('div', { class: 'actions' },
          element('button', { needs: 'TriggerRecurringJob', onclick: () => admin('TriggerRecurringJob', { id: row.id }).then(({ jobId }) => { location.hash = `#/jobs/${encodeURIComponent(jobId)}` }, fail) }, 'Trigger'),
          element('button', { needs: 'PutRecurringJob', onclick: () => put({ ...row, paused: !row.paused, nextRunAt: undefined, lastRunAt: undefined }) }, row.paused ? 'Resume' : 'Pause'),
          element('button', { needs: 'PutRecurringJob', onclick: () => edit(row) }, 'Edit'),
          element('button', { needs: 'DeleteRecurringJob', class: 'danger', onclick: async () => {
            if (await ask(`Delete ${row.id}?`, [], 'Delete', true)) admin('DeleteRecurringJob', { id: row.id }).then(again, fail)
          } }, 'Delete'))],
      ], found, 'There are none.'),
      nextPageToken && element('p', {}, element('a', { href: `#/recurring?page=${encodeURIComponent(nextPageToken)}` }, 'More')))
  }
  await look()
}

async function preview({ cron, every: period, timeZone }) {
  if (!cron && !period) return []
  const { times = [] } = await admin('PreviewRecurringJob', { recurringJob: { cron, every: period, timeZone }, count: 5 })
  return times
}

// --- Batches ---

export async function batches({ draw, every, fail, query, signal }) {
  const look = async () => {
    const { batches: found = [], nextPageToken } = await jobs('ListBatches', { unfinishedOnly: query.get('open') === 'yes', pageSize: 100, pageToken: query.get('page') || '' }, signal)
    draw(element('h2', {}, 'Batches'),
      element('p', {}, element('a', { href: '#/batches' }, 'All'), ' · ', element('a', { href: '#/batches?open=yes' }, 'Unfinished')),
      table('Batches', [
        ['Batch', (row) => element('a', { href: `#/batches/${encodeURIComponent(row.id)}` }, row.description || row.id), 'text'],
        ['Done', (row) => progress(row)], ['Jobs', (row) => count(row.jobs), 'number'], ['Dead', (row) => count(row.dead), 'number'],
        ['Canceled', (row) => count(row.canceled), 'number'], ['Made', (row) => time(row.createdAt)], ['Finished', (row) => time(row.finishedAt)],
      ], found, 'There are none.'),
      nextPageToken && element('p', {}, element('a', { href: `#/batches?page=${encodeURIComponent(nextPageToken)}` }, 'Older')))
  }
  await look()
  every(3000, () => look().catch(fail))
}

const done = (row) => Number(row.succeeded || 0) + Number(row.dead || 0) + Number(row.canceled || 0)
const progress = (row) => element('progress', { max: Math.max(1, Number(row.jobs || 0)), value: done(row), 'aria-label': `${done(row)} of ${row.jobs || 0} jobs are done` })

export async function batch({ argument: id, draw, every, fail, signal, again }) {
  const look = async () => {
    const { batch: one } = await jobs('GetBatch', { batchId: id }, signal)
    const { jobs: members = [] } = await jobs('ListJobs', { batchId: id, pageSize: 200 }, signal)
    const link = (job) => job && element('a', { href: `#/jobs/${encodeURIComponent(job)}` }, job)
    draw(element('h2', {}, one.description || one.id), element('p', {}, progress(one), ` ${one.finishedAt ? 'finished' : one.closed ? 'closed' : 'open'}`),
      cards([['jobs', count(one.jobs)], ['waiting', count(one.waiting)], ['running', count(one.running)], ['succeeded', count(one.succeeded)],
        ['dead', count(one.dead)], ['canceled', count(one.canceled)]]),
      element('div', { class: 'actions' },
        !one.closed && element('button', { needs: 'PutBatch', onclick: () => jobs('PutBatch', { batch: { id, closed: true } }).then(again, fail) }, 'Close'),
        !one.finishedAt && element('button', { needs: 'CancelBatch', class: 'danger', onclick: async () => {
          if (await ask('Cancel all that is not final?', [], 'Cancel the batch', true)) jobs('CancelBatch', { batchId: id }).then(again, fail)
        } }, 'Cancel'),
        element('a', { href: `#/jobs?batch=${encodeURIComponent(id)}` }, 'Its jobs')),
      facts([['Id', one.id], ['Made', time(one.createdAt)], ['Finished', one.finishedAt && time(one.finishedAt)],
        ['When finished', link(one.onFinishedJobId) || one.onFinished?.name], ['When all succeeded', link(one.onSucceededJobId) || one.onSucceeded?.name]]),
      members.some((job) => job.spec.dependsOn?.length) && [element('h3', {}, 'What waits for what'), graph(members)])
  }
  await look()
  every(3000, () => look().catch(fail))
}

// Jobs in columns by how many stand before them, lines from what they depend on.
function graph(members) {
  const byID = new Map(members.map((job) => [job.spec.id, job]))
  const depth = new Map()
  const deep = (id, trail = 0) => {
    if (depth.has(id)) return depth.get(id)
    const before = (byID.get(id)?.spec.dependsOn || []).filter((one) => byID.has(one))
    const found = trail > 100 || before.length === 0 ? 0 : 1 + Math.max(...before.map((one) => deep(one, trail + 1)))
    depth.set(id, found)
    return found
  }
  members.forEach((job) => deep(job.spec.id))
  const columns = []
  for (const job of members) (columns[depth.get(job.spec.id)] ??= []).push(job)
  const place = new Map()
  columns.forEach((column, x) => column.forEach((job, y) => place.set(job.spec.id, [30 + x * 190, 24 + y * 34])))
  const make = (name, attributes) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name)
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
    return made
  }
  const svg = make('svg', { width: columns.length * 190 + 40, height: Math.max(...columns.map((column) => column.length)) * 34 + 20, role: 'img',
    'aria-label': `${members.length} jobs and what they depend on` })
  for (const job of members) {
    const [x, y] = place.get(job.spec.id)
    for (const before of job.spec.dependsOn || []) {
      if (!place.has(before)) continue
      const [fromX, fromY] = place.get(before)
      svg.append(make('line', { x1: fromX + 130, y1: fromY, x2: x, y2: y, stroke: 'currentColor', 'stroke-opacity': 0.4 }))
    }
  }
  for (const job of members) {
    const [x, y] = place.get(job.spec.id)
    const link = make('a', { href: `#/jobs/${encodeURIComponent(job.spec.id)}` })
    const text = make('text', { x: x + 6, y: y + 4, class: job.state.replace('JOB_STATE_', ''), fill: 'currentColor', 'font-size': 12 })
    text.textContent = job.spec.name.slice(0, 18)
    link.append(make('rect', { x, y: y - 12, width: 130, height: 24, rx: 4, fill: 'none', stroke: 'currentColor' }), text)
    svg.append(link)
  }
  return element('div', { class: 'scroll', tabIndex: 0 }, svg)
}

// --- Limits ---

const scope = (limit) => limit.queue !== undefined ? ['queue', limit.queue] : limit.concurrencyKey !== undefined ? ['key', limit.concurrencyKey]
  : ['each key that begins with', limit.concurrencyKeyPrefix ?? '']

export async function limits({ draw, every, fail, query, signal, again }) {
  const look = async () => {
    const { limits: found = [], usage = [], nextPageToken } = await admin('ListLimits', { pageSize: 200, pageToken: query.get('page') || '' }, signal)
    const rows = found.map((limit, index) => ({ limit, usage: usage[index] || {} }))
    const edit = async (limit) => {
      const given = await ask(limit ? `Change the limit of ${scope(limit).join(' ')}` : 'New limit', [
        !limit && [field('queue', 'Queue'), field('concurrencyKey', 'Or concurrency key'), field('concurrencyKeyPrefix', 'Or each key that begins with')],
        field('maxRunning', 'At most so many run at once (0: any)', limit?.maxRunning || 0, { type: 'number', min: 0 }),
        field('rateCount', 'At most so many start ...', limit?.rateCount || 0, { type: 'number', min: 0 }),
        field('ratePeriod', '... in a span of (e.g. 60s)', limit?.ratePeriod || ''),
        field('maxWaiting', 'At most so many wait (0: any)', limit?.maxWaiting || 0, { type: 'number', min: 0 }),
      ], 'Put')
      if (!given) return
      const where = limit ? { queue: limit.queue, concurrencyKey: limit.concurrencyKey, concurrencyKeyPrefix: limit.concurrencyKeyPrefix }
        : Object.fromEntries(['queue', 'concurrencyKey', 'concurrencyKeyPrefix'].filter((name) => given[name]).map((name) => [name, given[name]]))
      admin('PutLimit', { limit: { ...where, maxRunning: Number(given.maxRunning), rateCount: Number(given.rateCount),
        ratePeriod: given.ratePeriod || undefined, maxWaiting: given.maxWaiting } }).then(again, fail)
    }
    draw(element('h2', {}, 'Limits'), element('div', { class: 'actions' }, element('button', { needs: 'PutLimit', onclick: () => edit(null) }, 'New')),
      table('Limits', [
        ['For', (row) => scope(row.limit).join(' '), 'text'], ['Running', (row) => `${count(row.usage.running)} / ${row.limit.maxRunning || 'any'}`, 'number'],
        ['Rate', (row) => (row.limit.rateCount ? `${count(row.usage.startedInPeriod)} / ${row.limit.rateCount} in ${row.limit.ratePeriod}` : ''), 'number'],
        ['Waiting', (row) => `${count(row.usage.waiting)}${Number(row.limit.maxWaiting) ? ` / ${count(row.limit.maxWaiting)}` : ''}`, 'number'],
        ['Held back', (row) => count(row.usage.heldBack), 'number'], ['Busiest key', (row) => row.usage.busiestKey || '', 'text'],
        ['', (row) => element('div', { class: 'actions' }, element('button', { needs: 'PutLimit', onclick: () => edit(row.limit) }, 'Edit'),
          element('button', { needs: 'DeleteLimit', class: 'danger', onclick: async () => {
            if (await ask(`Delete the limit of ${scope(row.limit).join(' ')}?`, [], 'Delete', true)) admin('DeleteLimit', { limit: row.limit }).then(again, fail)
          } }, 'Delete'))],
      ], rows, 'There are none.'),
      nextPageToken && element('p', {}, element('a', { href: `#/limits?page=${encodeURIComponent(nextPageToken)}` }, 'More')))
  }
  await look()
}
