// Elements made of text. Nothing in this page makes HTML of data; its policy forbids it, too.
const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'on') for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== '') element.append(child);
  }
  return element;
}

/** An element; attributes that are null or false are left away, `on` holds listeners. */
export function el(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same of SVG. */
export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export const byId = (id) => document.getElementById(id);

/** Tells whoever listens instead of looking. */
export function say(text) {
  byId('said').textContent = text;
}

/** A link to another site; an address that is not one of the web is only text. */
export function outside(address, ...children) {
  let url = null;
  try {
    url = new URL(address);
  } catch { /* not an address: see below */ }
  if (!url || !['https:', 'http:'].includes(url.protocol)) return el('span', {}, ...children);
  return el('a', { href: url.href, rel: 'noopener noreferrer', class: 'outside' }, ...children);
}

/** Where the reader is, as an element can be found again after everything was drawn anew. */
export function keepPlace(root) {
  const active = document.activeElement;
  const inside = active && root.contains(active);
  const path = [];
  for (let at = inside ? active : null; at && at !== root; at = at.parentElement) {
    path.unshift([...at.parentElement.children].indexOf(at));
  }
  const name = inside ? active.id || active.dataset.k : null;
  const open = new Set([...root.querySelectorAll('details[open][data-k]')].map((details) => details.dataset.k));
  const sideways = [...root.querySelectorAll('[data-scrolls]')].map((box) => box.scrollLeft);
  const y = scrollY;
  return () => {
    for (const details of root.querySelectorAll('details[data-k]')) details.open = open.has(details.dataset.k) || details.open;
    root.querySelectorAll('[data-scrolls]').forEach((box, at) => { if (at < sideways.length) box.scrollLeft = sideways[at]; });
    if (inside) {
      const byName = name && (byId(name) || [...root.querySelectorAll('[data-k]')].find((found) => found.dataset.k === name));
      const again = byName || path.reduce((at, index) => at && at.children[index], root);
      if (again) again.focus({ preventScroll: true });
    }
    scrollTo(0, y);
  };
}
