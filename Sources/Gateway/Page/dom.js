// Elements from values. Text is always text: nothing that comes from jobs becomes markup.
import { may } from './session.js'

// `needs`: the call without which it is not shown.
export function element(name, { needs, ...properties } = {}, ...children) {
  if (needs && !may(needs)) return null
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value)
    else if (key === 'class') made.className = value
    else if (key in made && key !== 'list' && key !== 'form') made[key] = value
    else made.setAttribute(key, value === true ? '' : value)
  }
  add(made, children)
  return made
}

function add(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue
    parent.append(child instanceof Node ? child : String(child))
  }
}

export function show(parent, ...children) {
  parent.replaceChildren()
  add(parent, children)
}

// Columns: [title, value of a row, class].
export function table(caption, columns, rows, empty = 'None.') {
  if (rows.length === 0) return element('p', { class: 'note' }, empty)
  return element('div', { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': caption },
    element('table', {},
      element('thead', {}, element('tr', {}, columns.map(([title, , kind]) => element('th', { scope: 'col', class: kind }, title)))),
      element('tbody', {}, rows.map((row) => element('tr', {}, columns.map(([, value, kind]) => element('td', { class: kind }, value(row))))))))
}

export function facts(pairs) {
  return element('dl', { class: 'facts' }, pairs.filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]))
}

export function cards(pairs) {
  return element('dl', { class: 'cards' }, pairs.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))))
}

export const state = (name) => {
  const short = (name || '').replace('JOB_STATE_', '')
  return element('span', { class: `state ${short}` }, short)
}

const two = (n) => String(n).padStart(2, '0')
export function time(text) {
  if (!text) return ''
  const at = new Date(text)
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return element('time', { dateTime: text, title: text }, `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`)
}

export function span(seconds) {
  if (seconds === undefined || Number.isNaN(seconds)) return ''
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.1 ? 1 : 0)} ms`
  if (seconds < 90) return `${seconds.toFixed(1)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  if (seconds < 129600) return `${(seconds / 3600).toFixed(1)} h`
  return `${(seconds / 86400).toFixed(1)} d`
}

export const count = (n) => Number(n || 0).toLocaleString('en')

// Asks before something is done. Resolves to the form's values, or null.
export function ask(title, fields, button = 'Do it', isDanger = false) {
  const dialog = document.getElementById('ask')
  return new Promise((resolve) => {
    const form = element('form', { method: 'dialog' },
      element('h2', { id: 'ask-title' }, title), fields,
      element('div', { class: 'actions' },
        element('button', { type: 'submit', class: isDanger ? 'danger' : '', value: 'yes' }, button),
        element('button', { type: 'button', onclick: () => dialog.close('') }, 'Leave it')))
    show(dialog, form)
    dialog.onclose = () => resolve(dialog.returnValue === 'yes' ? Object.fromEntries(new FormData(form)) : null)
    dialog.returnValue = ''
    dialog.showModal()
  })
}

export const field = (name, title, value = '', more = {}) =>
  element('label', {}, title, element(more.rows ? 'textarea' : 'input', { name, value, ...more }))

export const choice = (name, title, options, value = '') =>
  element('label', {}, title, element('select', { name },
    options.map(([key, text]) => element('option', { value: key, selected: key === value }, text))))
