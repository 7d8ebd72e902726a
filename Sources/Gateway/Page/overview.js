// Overview: what the server counted in the last minutes and the last day. It keeps the series; the page only draws them.
import { read } from './api.js'
import { cards, count, element, span } from './dom.js'

const series = (name, signal) => read(`series/${name}`, signal)

const figures = [
  ['enqueued', 'Enqueued per second', ['enqueued'], true], ['started', 'Started per second', ['started'], true],
  ['finished', 'Finished per second', ['finished'], true], ['failed', 'Failed attempts per second', ['failed'], true],
  ['ready', 'Ready jobs', ['ready']], ['running', 'Running jobs', ['running']],
  ['wait', 'Wait: p50 and p99', ['waitP50', 'waitP99']], ['run', 'Run: p50 and p99', ['runP50', 'runP99']],
]

const svg = (name, attributes) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

// One line per key, over a span of time that ends with the last point; where nothing was measured the line has a gap.
function chart([, title, keys, isRate], { step, points }, seconds) {
  const end = points.at(-1)?.at || 0
  const value = (point, key) => (point[key] === undefined ? undefined : isRate ? point[key] / step : point[key])
  const values = points.flatMap((point) => keys.map((key) => value(point, key))).filter((one) => one !== undefined)
  const top = Math.max(...values, isRate || keys.length === 1 ? 1 : 0.001)
  const tell = keys.length > 1 ? span : count
  const latest = points.findLast((point) => keys.every((key) => point[key] !== undefined))
  const now = latest ? keys.map((key) => tell(isRate ? Math.round(value(latest, key) * 10) / 10 : value(latest, key))).join(' and ') : 'nothing measured'
  const picture = svg('svg', {
    class: 'chart', viewBox: '0 0 300 60', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${title}: ${now}, at most ${tell(Math.round(top * 1e6) / 1e6)}`,
  })
  for (const [index, key] of keys.entries()) {
    let line = []
    const finish = () => {
      if (line.length) picture.append(svg('polyline', { points: line.join(' '), class: index ? 'second' : '' }))
      line = []
    }
    for (const point of points) {
      const height = value(point, key)
      if (height === undefined) { finish(); continue }
      line.push(`${(300 - ((end - point.at) / seconds) * 300).toFixed(1)},${(58 - (height / top) * 54).toFixed(1)}`)
    }
    finish()
  }
  return element('figure', {}, element('figcaption', {}, title, ' ', element('b', {}, now)), picture)
}

const charts = (found, seconds) => element('div', { class: 'charts' }, figures.map((figure) => chart(figure, found, seconds)))

export async function overview({ draw, every, fail, signal }) {
  let live, day, server
  const paint = () => {
    const point = live.points.at(-1) || {}
    const depth = ['ready', 'scheduled', 'running', 'blocked', 'dead', 'workers'].map((word) => [word, point.leads ? count(point[word]) : '–'])
    draw(element('h2', {}, 'Overview'), cards(depth),
      cards([
        ['leads', server ? (server.leads ? 'this server' : server.leaderId || 'nobody') : '–'],
        ['store', server ? element('span', { class: `state ${server.storeTrouble ? 'bad' : 'good'}` }, server.storeTrouble ? 'fails' : `${server.store}: well`) : '–'],
      ]),
      server?.storeTrouble && element('p', { class: 'state bad', role: 'status' }, server.storeTrouble),
      point.leads === false && element('p', { class: 'note' }, 'This server hands calls on to the one that leads, which has the figures.'),
      element('h3', {}, 'The last five minutes'), charts(live, 300),
      element('h3', {}, 'The last day'), charts(day, 86400))
  }
  const look = async () => {
    try {
      const now = await series('now', signal)
      server = now.server
      // After a break the points between are missing: all are read again.
      const last = live.points.at(-1)?.at
      if (now.point && now.point.at - (last ?? 0) > now.step) live = await series('live', signal)
      else if (now.point && now.point.at !== last) live.points = [...live.points, now.point].slice(-150)
      paint()
    } catch (error) { fail(error) }
  }
  const lookAtDay = async () => {
    try { day = await series('day', signal) } catch (error) { fail(error) }
  }
  try {
    [live, day] = await Promise.all([series('live', signal), series('day', signal)])
  } catch (error) {
    if (error.code !== 'http 403') throw error
    draw(element('h2', {}, 'Overview'), element('p', { class: 'note' }, 'The overview counts all queues: it is for those who may look at all of them.'))
    return
  }
  await look()
  every(2000, look)
  every(60000, lookAtDay)
}
