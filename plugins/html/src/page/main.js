const rows = read('rows') || { attempts: 0, first: null, seeds: [], run: '', left_out: 0, tests: [] };

/** As the system has it, light, dark; remembered where the browser lets a file remember. */
function theme() {
  const names = { '': 'as the system', light: 'light', dark: 'dark' };
  const button = byId('theme');
  let now = '';
  try { now = localStorage.getItem('flaky-theme') || ''; } catch { /* no storage: nothing is remembered */ }
  if (!Object.hasOwn(names, now)) now = '';
  const show = () => {
    if (now === '') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = now;
    button.textContent = `Theme: ${names[now]}`;
  };
  button.addEventListener('click', () => {
    const all = Object.keys(names);
    now = all[(all.indexOf(now) + 1) % all.length];
    try { localStorage.setItem('flaky-theme', now); } catch { /* as above */ }
    show();
  });
  button.hidden = false;
  show();
}

theme();
const run = byId('run');
if (run && rows.run && rows.attempts > 0) run.append(...walkableStrip(rows.run, rows.attempts, 'Attempts of the run', true));
const table = rows.tests.length > 0 ? new Table(byId('tests')) : null;
document.querySelectorAll('[data-copy]').forEach((button) => { button.hidden = false; });
if (table) document.querySelectorAll('.find').forEach((button) => { button.disabled = false; });
document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-copy], .find');
  if (!button) return;
  if (button.matches('.find')) {
    table.find(button.textContent);
    byId('tests').scrollIntoView();
    byId('tests').focus({ preventScroll: true });
  } else {
    copy(button);
  }
});
tips();
