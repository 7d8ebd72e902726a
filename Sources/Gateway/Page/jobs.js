// Jobs: the list, and one job with its steps.
import { admin, jobs } from './api.js'
import { ask, choice, count, element, facts, field, show, state, table, time } from './dom.js'

const STATES = ['SCHEDULED', 'READY', 'RUNNING', 'RETRYING', 'BLOCKED', 'SUCCEEDED', 'DEAD', 'CANCELED', 'EXPIRED']

export const stateCounts = (queue) => element('p', {}, 'Jobs: ', STATES.map((name) => [
  element('a', { href: `#/jobs?queue=${encodeURIComponent(queue)}&state=${name}` }, name), ' ']))

const FILTERS = [['queue', 'Queue', 'queue'], ['name', 'Name', 'name'], ['batch', 'Batch', 'batchId'], ['key', 'Concurrency key', 'concurrencyKey'],
  ['tenant', 'Fairness key', 'fairnessKey'], ['recurring', 'Recurring job', 'recurringJobId']]

export async function jobList({ draw, fail, query, signal, again }) {
  const wanted = {}
  for (const [name, , key] of FILTERS) if (query.get(name)) wanted[key] = query.get(name)
  const states = query.get('state') ? [`JOB_STATE_${query.get('state')}`] : []
  const { jobs: found = [], nextPageToken } = await jobs('ListJobs', { ...wanted, states, pageSize: 100, pageToken: query.get('page') || '' }, signal)
  const next = new URLSearchParams(query)
  if (nextPageToken) next.set('page', nextPageToken)
  draw(element('h2', {}, 'Jobs'),
    element('form', { class: 'filter', onsubmit: (event) => {
      event.preventDefault()
      const given = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value))
      if (given.id) location.hash = `#/jobs/${encodeURIComponent(given.id)}`
      else location.hash = `#/jobs?${new URLSearchParams(given)}`
    } }, FILTERS.slice(0, 2).map(([name, title]) => field(name, title, query.get(name) || '')),
    choice('state', 'State', [['', 'all'], ...STATES.map((one) => [one, one])], query.get('state') || ''),
    FILTERS.slice(2).map(([name, title]) => field(name, title, query.get(name) || '')), field('id', 'Id'), element('button', {}, 'Show')),
    element('div', { class: 'actions' }, bulk('RETRY', 'Retry all that match', wanted, states, again, fail),
      bulk('CANCEL', 'Cancel all that match', wanted, states, again, fail), bulk('DELETE', 'Delete all that match', wanted, states, again, fail)),
    table('Jobs', [
      ['Job', (row) => element('a', { href: `#/jobs/${encodeURIComponent(row.spec.id)}` }, row.spec.id), 'mono text'],
      ['State', (row) => state(row.state)], ['Queue', (row) => row.spec.queue, 'text'], ['Name', (row) => row.spec.name, 'text'],
      ['Attempt', (row) => row.attempt || 0, 'number'], ['Made', (row) => time(row.createdAt)],
      ['', (row) => row.waitingReason || row.failures?.at(-1)?.message || '', 'text'],
    ], found, 'No job is like that.'),
    nextPageToken && element('p', {}, element('a', { href: `#/jobs?${next}` }, 'Older')))
}

// Says how many it would be, asks, and does it.
function bulk(action, title, wanted, states, again, fail) {
  const { queue, name, batchId, concurrencyKey } = wanted
  const filter = { states, queue, name, batchId, concurrencyKey }
  // What the server cannot select by must not be left out without a word.
  if (wanted.fairnessKey || wanted.recurringJobId) return null
  return element('button', {
    needs: 'ChangeJobs', class: action === 'RETRY' ? '' : 'danger',
    onclick: async () => {
      try {
        const { changed = 0 } = await admin('ChangeJobs', { ...filter, action: 'BULK_ACTION_COUNT' })
        const words = `${count(changed)} jobs match.`
        if (!(await ask(title, element('p', {}, words), title, action !== 'RETRY'))) return
        const done = await admin('ChangeJobs', { ...filter, action: `BULK_ACTION_${action}`, resetAttempts: action === 'RETRY' })
        await ask('Done', element('p', {}, `${count(done.changed || 0)} jobs were changed.`), 'Good')
        again()
      } catch (error) { fail(error) }
    },
  }, title)
}

// Bytes as people want to see them: JSON, text, or hexadecimal digits.
function bytes(base64, type = '') {
  if (!base64) return element('p', { class: 'note' }, 'Empty.')
  const raw = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))
  const hex = () => [...raw.slice(0, 4096)].map((one) => one.toString(16).padStart(2, '0')).join(' ') + (raw.length > 4096 ? ' …' : '')
  let text = null
  try { text = new TextDecoder('utf-8', { fatal: true }).decode(raw) } catch { /* no text */ }
  const forms = [['Hex', hex]]
  if (text !== null) forms.unshift(['Text', () => text])
  if (text !== null && (type.includes('json') || /^[[{"]/.test(text.trim()))) {
    try { const made = JSON.stringify(JSON.parse(text), null, 2); forms.unshift(['JSON', () => made]) } catch { /* no JSON */ }
  }
  const out = element('pre', { tabIndex: 0 })
  const draw = (form) => { out.textContent = form[1]() }
  draw(forms[0])
  return element('div', {}, element('div', { class: 'actions' },
    forms.map((form) => element('button', { onclick: () => draw(form) }, form[0])), element('span', { class: 'note' }, `${count(raw.length)} bytes`)), out)
}

export async function job({ argument: id, draw, every, fail, follow, signal, again }) {
  const steps = element('ol', { class: 'steps' })
  const why = element('div', { role: 'status' })
  const head = element('div')
  let isFinal = false

  const look = async () => {
    const { job: found } = await jobs('GetJob', { jobId: id }, signal)
    const { spec } = found
    const word = found.state.replace('JOB_STATE_', '')
    isFinal = ['SUCCEEDED', 'DEAD', 'CANCELED', 'EXPIRED'].includes(word)
    const act = (method, title, message = {}, isDanger) => element('button', {
      needs: method, class: isDanger ? 'danger' : '',
      onclick: async () => {
        try {
          if (isDanger && !(await ask(`${title} this job?`, [], title, true))) return
          await jobs(method, { jobId: id, ...message })
          if (method === 'DeleteJob') location.hash = '#/jobs'
          else again()
        } catch (error) { fail(error) }
      },
    }, title)
    show(head,
      element('p', {}, state(word), ' ', found.waitingReason || ''),
      found.progress && element('p', {}, element('progress', { max: 100, value: found.progress.percent || 0 }), ` ${found.progress.percent || 0} % ${found.progress.message || ''}`),
      element('div', { class: 'actions' },
        ['DEAD', 'CANCELED', 'EXPIRED', 'RETRYING'].includes(word) && act('RetryJob', 'Retry', { resetAttempts: true }),
        !isFinal && act('CancelJob', 'Cancel', {}, true),
        word !== 'RUNNING' && act('DeleteJob', 'Delete', {}, true),
        element('button', { needs: 'Enqueue', onclick: () => copy(spec).catch(fail) }, 'Enqueue a changed copy')),
      facts([
        ['Queue', element('a', { href: `#/queues/${encodeURIComponent(spec.queue)}` }, spec.queue)], ['Name', spec.name], ['Priority', spec.priority || 0],
        ['Attempt', `${found.attempt || 0} of ${spec.retry?.maxAttempts ?? ''}`], ['Lost', found.lost], ['Made', time(found.createdAt)],
        ['Due', time(found.runAt)], ['Started', found.startedAt && time(found.startedAt)], ['Finished', found.finishedAt && time(found.finishedAt)],
        ['Worker', found.workerId], ['Time-out', spec.timeout], ['Start before', spec.startBefore && time(spec.startBefore)],
        ['Unique key', spec.unique?.key], ['Concurrency key', spec.concurrencyKey], ['Fairness key', spec.fairnessKey],
        ['Batch', spec.batchId && element('a', { href: `#/batches/${encodeURIComponent(spec.batchId)}` }, spec.batchId)],
        ['Recurring job', found.recurringJobId], ['Content type', spec.contentType],
        ['Depends on', spec.dependsOn?.length && [spec.dependsOn.map((one) => [element('a', { href: `#/jobs/${encodeURIComponent(one)}` }, one), ' ']),
          `(${found.dependenciesOpen || 0} open)`]],
        ...Object.entries(spec.metadata || {}).map(([key, value]) => [key, value]),
      ]),
      element('h3', {}, 'Payload'), bytes(spec.payload, spec.contentType),
      found.result && [element('h3', {}, 'Result'), bytes(found.result)],
      found.failures?.length && [element('h3', {}, 'Failures'), found.failures.toReversed().map((failure) => element('details', { open: failure === found.failures.at(-1) },
        element('summary', {}, `Attempt ${failure.attempt || 0}: ${failure.type || 'failure'}: ${failure.message || ''}`),
        element('p', { class: 'note' }, time(failure.at), ' ', failure.workerId || ''),
        failure.backtrace && element('pre', { tabIndex: 0 }, failure.backtrace)))])
    if (isFinal || word === 'RUNNING') show(why)
  }

  const explain = async () => {
    if (isFinal) return
    const { reasons = [], jobsAhead } = await jobs('ExplainJob', { jobId: id }, signal)
    show(why, reasons.length > 0 && [element('h3', {}, 'Why it is not running'),
      element('ul', {}, reasons.map((reason) => element('li', {}, reason.text, ' ', reason.notBefore && ['not before ', time(reason.notBefore)],
        (reason.jobIds || []).map((one) => [' ', element('a', { href: `#/jobs/${encodeURIComponent(one)}` }, one)])))),
      Number(jobsAhead) > 0 && element('p', { class: 'note' }, `${count(jobsAhead)} jobs are ahead of it.`)])
  }

  draw(element('h2', { class: 'mono' }, id), head, why, element('h3', {}, 'Steps'), steps)
  await look()
  await explain().catch(fail)
  const seen = new Set()
  let isDue = false
  follow({ job: id, after: '0' }, (event) => {
    if (seen.has(event.cursor)) return
    seen.add(event.cursor)
    steps.append(element('li', {}, time(event.at), ' ', state(event.type.replace('EVENT_TYPE_', '')), ' ',
      event.attempt ? `attempt ${event.attempt} ` : '', event.workerId ? `on ${event.workerId} ` : '',
      event.failure ? `${event.failure.type}: ${event.failure.message}` : '', event.progress ? `${event.progress.percent || 0} % ${event.progress.message || ''}` : ''))
    if (isDue) return
    isDue = true
    setTimeout(() => { isDue = false; look().catch(fail) }, 200)
  })
  every(3000, () => explain().catch(fail))
}

async function copy(spec) {
  const raw = spec.payload ? Uint8Array.from(atob(spec.payload), (one) => one.charCodeAt(0)) : new Uint8Array()
  let text = null
  try { text = new TextDecoder('utf-8', { fatal: true }).decode(raw) } catch { /* kept as it is */ }
  const given = await ask('Enqueue a changed copy', [field('queue', 'Queue', spec.queue), field('name', 'Name', spec.name),
    field('priority', 'Priority', spec.priority || 0, { type: 'number', min: -100, max: 100 }),
    text === null ? element('p', { class: 'note' }, 'The payload is no text and stays as it is.') : field('payload', 'Payload', text, { rows: 8 })], 'Enqueue')
  if (!given) return
  // What belonged to the old job alone is left behind.
  const { id, runAt, unique, batchId, dependsOn, startBefore, ...kept } = spec
  const payload = text === null ? spec.payload : btoa(String.fromCharCode(...new TextEncoder().encode(given.payload)))
  const { jobId } = await jobs('Enqueue', { job: { ...kept, queue: given.queue, name: given.name, priority: Number(given.priority), payload } })
  location.hash = `#/jobs/${encodeURIComponent(jobId)}`
}
