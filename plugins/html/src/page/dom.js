// Elements made of text. Nothing in this page makes HTML of data.
const SVG = 'http://www.w3.org/2000/svg';

function make(name, attributes, ...children) {
  const drawn = name === 'svg' || name === 'path' || name === 'rect';
  const element = drawn ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === true) element.setAttribute(key, '');
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== '') element.append(child);
  }
  return element;
}

const byId = (id) => document.getElementById(id);

function plural(count, word) {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
}

/** Tells whoever listens instead of looking. */
function say(text) {
  byId('said').textContent = text;
}

/** The content of a data element; what is broken is as good as nothing. */
function read(id) {
  try {
    return JSON.parse(byId(id).textContent);
  } catch {
    return null;
  }
}

/** A command with a button that copies it. */
function command(text) {
  return make('div', { class: 'command' },
    make('code', { tabindex: 0 }, text),
    make('button', { type: 'button', 'data-copy': true }, 'Copy'));
}

async function copy(button) {
  const code = button.previousElementSibling;
  let done = true;
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Pages opened over http have no clipboard: the old way needs a selection.
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    done = document.execCommand('copy');
  }
  button.textContent = done ? 'Copied' : 'Select and copy';
  say(done ? 'Copied' : 'Not copied: the command is selected');
  setTimeout(() => { button.textContent = 'Copy'; }, 1600);
}
