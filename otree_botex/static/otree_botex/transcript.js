// A transcript: keys and buttons that lead from page to page, search, raw messages when they are asked for, and
// printing. What a page or a model wrote is only ever read and written as text.
(function () {
  const root = document.getElementById('transcript');
  const tools = root.querySelector('.llm-bots-tools');
  if (!tools) return;  // no page was opened yet
  const steps = [...root.querySelectorAll('.llm-bots-step')];
  const contents = root.querySelector('.llm-bots-contents');
  const links = new Map([...contents.querySelectorAll('a')].map(link => [link.hash, link]));
  const MOST = 1000;
  let led = null;
  let current = null;

  // Where the reader is: the step that they were led to, and when they have scrolled since, the last one that begins
  // above or right under the tools; at the top of the page it is none.
  function here() {
    if (led) return led;
    if (!window.scrollY) return null;
    const line = tools.getBoundingClientRect().bottom + 16;
    return steps.filter(step => step.getBoundingClientRect().top <= line).pop() || null;
  }

  function mark(step) {
    if (step === current) return;
    for (const [one, on] of [[current, false], [step, true]]) {
      if (!one) continue;
      one.classList.toggle('current', on);
      const link = links.get('#' + one.id);
      if (on) link.setAttribute('aria-current', 'true'); else link.removeAttribute('aria-current');
      // only the list moves; scrollIntoView would move the page
      if (on) contents.scrollTop = link.offsetTop - contents.clientHeight / 3;
    }
    current = step;
  }

  function show(step) {
    step.open = true;
    step.scrollIntoView({behavior: 'instant'});  // Bootstrap would glide there
    history.replaceState(null, '', '#' + step.id);
    led = step;
    mark(step);
  }

  function go(key) {
    const from = steps.indexOf(here());
    if (key === 'n' && from + 1 < steps.length) show(steps[from + 1]);
    if (key === 'p' && from > 0) show(steps[from - 1]);
    if (key === 'f') {
      const after = [...steps.slice(from + 1), ...steps.slice(0, from + 1)];  // after the last comes the first
      const next = after.find(step => 'trouble' in step.dataset);
      if (next) show(next);
    }
  }

  // Search
  const field = document.getElementById('search');
  const found = document.getElementById('found');
  let marks = [];
  let at = -1;

  function clear() {
    for (const one of marks) {
      const parent = one.parentNode;
      one.replaceWith(...one.childNodes);
      parent.normalize();
    }
    marks = [];
    at = -1;
  }

  function search() {
    clear();
    const text = field.value.trim();
    if (text.length > 1) {
      const pattern = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'giu');
      const walker = document.createTreeWalker(document.getElementById('steps'), NodeFilter.SHOW_TEXT);
      const nodes = [];
      while (walker.nextNode()) nodes.push(walker.currentNode);
      nodes.some(node => { highlight(node, pattern); return marks.length >= MOST; });
    }
    if (marks.length) find(1); else tell();
  }

  function highlight(node, pattern) {
    const places = [...node.data.matchAll(pattern)];
    const made = places.reverse().map(place => {  // from the end, so that what is left of the node keeps its places
      const rest = node.splitText(place.index);
      rest.splitText(place[0].length);
      const one = document.createElement('mark');
      rest.replaceWith(one);
      one.append(rest);
      return one;
    });
    marks.push(...made.reverse());
  }

  function find(by) {
    if (!marks.length) return;
    if (at >= 0) marks[at].classList.remove('at');
    at = (at + by + marks.length) % marks.length;
    const one = marks[at];
    for (let fold = one.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
    one.classList.add('at');
    one.scrollIntoView({block: 'center', behavior: 'instant'});
    led = one.closest('.llm-bots-step');
    mark(led);
    tell();
  }

  function tell() {
    const number = marks.length >= MOST ? `${MOST} or more` : marks.length;
    found.textContent = field.value.trim().length < 2 ? '' : marks.length ? `${at + 1} of ${number}` : 'not found';
    tools.querySelectorAll('[data-found]').forEach(button => { button.disabled = !marks.length; });
  }

  // Raw messages
  function line(tag, className, text) {
    return Object.assign(document.createElement(tag), {className, textContent: text});
  }

  async function load(raw) {
    raw.querySelectorAll(':scope > :not(summary)').forEach(old => old.remove());
    raw.append(line('p', 'text-muted', 'Loading…'));
    try {
      const response = await fetch(root.dataset.messages + raw.dataset.step);
      if (!response.ok) throw new Error(response.status);
      const {messages} = await response.json();
      raw.lastElementChild.replaceWith(...messages.map(message => {
        const block = line('div', 'llm-bots-message', '');
        block.append(line('div', 'small text-muted', `${message.number} ${message.role} ${message.took}`));
        if (message.error) block.append(line('div', 'text-danger', message.error));
        block.append(line('pre', '', message.content));
        return block;
      }));
      raw.dataset.loaded = '';
    } catch (error) {
      raw.lastElementChild.textContent = 'The server did not give these messages. Close and open this to try again.';
    }
  }

  root.querySelectorAll('.llm-bots-raw').forEach(raw => {
    const toggled = () => { if (raw.open && !('loaded' in raw.dataset)) load(raw); };
    raw.addEventListener('toggle', toggled);
    toggled();  // it may have been opened before this script came
  });

  // Keys, buttons, addresses
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select')) return;
    if (event.key === '/') { event.preventDefault(); field.focus(); field.select(); } else go(event.key);
  });
  tools.querySelectorAll('[data-key]').forEach(button => button.addEventListener('click', () => go(button.dataset.key)));
  tools.querySelectorAll('[data-found]').forEach(button => button.addEventListener('click', () => find(Number(button.dataset.found))));
  let typing = null;
  field.addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(search, 200); });
  field.addEventListener('keydown', event => {
    if (event.key === 'Enter') find(event.shiftKey ? -1 : 1);
    if (event.key === 'Escape') { field.value = ''; search(); field.blur(); }
  });
  for (const what of ['wheel', 'touchmove', 'mousedown', 'keydown']) {
    document.addEventListener(what, event => {
      if (!tools.contains(event.target) && !['n', 'p', 'f'].includes(event.key)) led = null;
    }, {passive: true});
  }
  let moving = false;
  document.addEventListener('scroll', () => {
    if (moving) return;
    moving = true;
    requestAnimationFrame(() => { moving = false; mark(here()); });
  }, {passive: true});
  function follow() {
    const step = document.getElementById(location.hash.slice(1));
    if (step && step.classList.contains('llm-bots-step')) show(step);
  }
  window.addEventListener('hashchange', follow);

  // On paper everything is unfolded
  let folded = [];
  window.addEventListener('beforeprint', () => {
    folded = [...root.querySelectorAll('details:not([open], .llm-bots-raw)')];
    folded.forEach(one => { one.open = true; });
  });
  window.addEventListener('afterprint', () => folded.forEach(one => { one.open = false; }));

  contents.open = matchMedia('(min-width: 1101px)').matches;
  tools.hidden = false;
  follow();
})();
