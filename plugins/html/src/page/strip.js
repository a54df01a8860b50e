// The attempts of a test as a strip: where it failed, and in which way.

/** Runs as [from, count, letter], those in which nothing failed left out. */
function runs(text) {
  const found = [];
  let at = 0;
  for (const [, count, letter] of text.matchAll(/(\d*)([.a-ks])/g)) {
    const length = count === '' ? 1 : Number(count);
    if (letter !== '.') found.push([at, length, letter]);
    at += length;
  }
  return found;
}

/** Of a letter: the colour's number. */
const colour = (letter) => (letter === 's' ? 's' : letter.charCodeAt(0) - 97);

/** Places of a strip in a row, and of one that is opened: about as many as it has points on a screen. */
const PLACES = 240;
const PLACES_OPEN = 1000;

/** How far from the pointer a failure still counts as meant, as a part of the strip. */
const REACH = 1 / 260;

/** The same runs in fewer places: where several attempts share one, a failure is what shows. */
function coarser(found, total, places) {
  const letters = new Array(places).fill('');
  for (const [from, count, letter] of found) {
    const last = Math.floor((from + count - 1) * places / total);
    for (let at = Math.floor(from * places / total); at <= last; at += 1) letters[at] = letters[at] || letter;
  }
  const merged = [];
  letters.forEach((letter, at) => {
    const before = merged[merged.length - 1];
    if (before && before[2] === letter && before[0] + before[1] === at) before[1] += 1;
    else if (letter !== '') merged.push([at, 1, letter]);
  });
  return merged;
}

function drawStrip(text, total, label, places) {
  const wide = Math.min(total, places);
  const found = total > places ? coarser(runs(text), total, places) : runs(text);
  const svg = make('svg', {
    class: 'strip', viewBox: `0 0 ${wide} 10`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label,
    'shape-rendering': 'crispEdges',
  });
  const paths = new Map();
  for (const [from, count, letter] of found) {
    // Neighbours that failed in different ways stay apart where there is room for it.
    const width = wide > 120 ? count : count - 0.12;
    paths.set(letter, `${paths.get(letter) || ''}M${from} 0h${+width.toFixed(2)}v10H${from}z`);
  }
  for (const [letter, d] of paths) svg.append(make('path', { class: `w${colour(letter)}`, d }));
  svg.flakyStrip = { text, total, wide };
  return svg;
}

/** Seed of an attempt, or null where the report does not tell. */
function seedOf(attempt) {
  if (rows.first !== null) return String(BigInt(rows.first) + BigInt(attempt));
  if (!seedOf.listed) seedOf.listed = new Map(rows.seeds);
  return seedOf.listed.get(attempt) || null;
}

/** What a place of a strip stands for, in words. */
function placeText(strip, attempt, isRun) {
  const seed = seedOf(attempt);
  const name = `Attempt ${attempt}${seed === null ? '' : ` · seed ${seed}`}`;
  const run = runs(strip.text).find(([from, count]) => attempt >= from && attempt < from + count);
  if (!run) return `${name} · no failure`;
  if (run[2] === 's') return `${name} · set aside`;
  if (isRun) return `${name} · failed`;
  return `${name} · ${run[2] === 'k' ? 'failed in another way' : `failed, way ${colour(run[2]) + 1}`}`;
}

/** The attempt at some part of the width: a failed one if there is one within reach. */
function attemptAt(strip, share) {
  const { text, total } = strip;
  const at = Math.min(total - 1, Math.max(0, Math.floor(share * total)));
  const reach = total * REACH;
  let best = null;
  for (const [from, count] of runs(text)) {
    const nearest = Math.min(from + count - 1, Math.max(from, at));
    const distance = Math.abs(nearest - at);
    if (distance <= reach && (best === null || distance < Math.abs(best - at))) best = nearest;
  }
  return best === null ? at : best;
}

/** A strip that can be walked through by keys. */
function walkableStrip(text, total, label, isRun) {
  const svg = drawStrip(text, total, label, PLACES_OPEN);
  const strip = svg.flakyStrip;
  const failed = runs(text).flatMap(([from, count]) => Array.from({ length: count }, (_, i) => from + i));
  const cursor = make('rect', { class: 'cursor', y: 0, height: 10, width: strip.wide / 400, visibility: 'hidden' });
  const now = make('p', { class: 'now' }, `${isRun ? 'The attempts of the run, in order. ' : ''}Arrow keys go from failure to failure.`);
  svg.append(cursor);
  svg.setAttribute('role', 'slider');
  svg.setAttribute('tabindex', '0');
  svg.setAttribute('aria-valuemin', '0');
  svg.setAttribute('aria-valuemax', String(total - 1));
  svg.flakyIsRun = Boolean(isRun);
  let at = -1;
  const show = (attempt) => {
    at = attempt;
    const words = placeText(strip, at, isRun);
    svg.setAttribute('aria-valuenow', String(at));
    svg.setAttribute('aria-valuetext', words);
    cursor.setAttribute('x', String((at + 0.5) * strip.wide / total));
    cursor.setAttribute('visibility', 'visible');
    now.textContent = words;
  };
  svg.setAttribute('aria-valuenow', '0');
  svg.setAttribute('aria-valuetext', placeText(strip, 0, isRun));
  svg.addEventListener('keydown', (event) => {
    const next = {
      ArrowRight: () => failed.find((place) => place > at), ArrowUp: () => failed.find((place) => place > at),
      ArrowLeft: () => failed.findLast((place) => place < at), ArrowDown: () => failed.findLast((place) => place < at),
      Home: () => 0, End: () => total - 1,
    }[event.key];
    if (!next) return;
    event.preventDefault();
    const place = next();
    if (place !== undefined) show(place);
  });
  svg.addEventListener('click', (event) => show(attemptAt(strip, share(svg, event))));
  return [svg, now];
}

function share(svg, event) {
  const box = svg.getBoundingClientRect();
  return (event.clientX - box.left) / Math.max(box.width, 1);
}

/** One tip for all strips: what is under the pointer. */
function tips() {
  const tip = byId('tip');
  document.addEventListener('pointermove', (event) => {
    const svg = event.target.closest ? event.target.closest('svg.strip') : null;
    if (!svg || !svg.flakyStrip) {
      tip.hidden = true;
      return;
    }
    tip.textContent = placeText(svg.flakyStrip, attemptAt(svg.flakyStrip, share(svg, event)), svg.flakyIsRun);
    tip.hidden = false;
    const left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : below}px`;
  }, { passive: true });
  document.addEventListener('pointerleave', () => { tip.hidden = true; });
}
