// All answers to one page: sorted and filtered in the page itself, and counted above the table. Answers are somebody
// else's text, and are only ever written as text.
(function () {
  const table = document.querySelector('.llm-bots-answers');
  if (!table) return;  // nothing was asked yet
  const byId = id => document.getElementById(id);
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  const MOST_BARS = 12;
  const order = new Intl.Collator(undefined, {numeric: true});

  function element(tag, className, text) {
    return Object.assign(document.createElement(tag), {className, textContent: text});
  }

  function compare(one, other) {
    const numbers = [Number(one), Number(other)];
    if (one.trim() && other.trim() && numbers.every(Number.isFinite)) return numbers[0] - numbers[1];
    return order.compare(one, other);
  }

  function sort(header) {
    const column = header.cellIndex;
    const down = header.getAttribute('aria-sort') === 'ascending';
    headers.forEach(other => other.removeAttribute('aria-sort'));
    header.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    rows.sort((one, other) => compare(one.cells[column].textContent, other.cells[column].textContent) * (down ? -1 : 1));
    body.append(...rows);
  }

  function filter() {
    const wanted = [...document.querySelectorAll('[data-column]')].filter(select => select.value);
    const text = byId('contains').value.trim().toLowerCase();
    for (const row of rows) {
      row.hidden = !(wanted.every(select => row.dataset[select.dataset.column] === select.value)
        && row.querySelector('.answer').textContent.toLowerCase().includes(text));
    }
    const shown = rows.filter(row => !row.hidden);
    byId('shown').textContent = shown.length === rows.length ? `${rows.length} rows` : `${shown.length} of ${rows.length} rows`;
    summarize(shown);
  }

  function summarize(shown) {
    const fields = new Map();
    for (const row of shown) {
      const answer = row.querySelector('.answer b:not([data-unsent])');
      if (!answer) continue;
      if (!fields.has(row.dataset.field)) fields.set(row.dataset.field, {name: row.dataset.question, times: new Map()});
      const {times} = fields.get(row.dataset.field);
      times.set(answer.textContent, (times.get(answer.textContent) || 0) + 1);
    }
    byId('summary').replaceChildren(...[...fields.values()].map(({name, times}) => {
      const block = element('div', 'llm-bots-summary', '');
      block.append(element('h4', '', name));
      if (times.size > 1 && [...times.values()].every(number => number === 1)) {
        block.append(element('div', 'text-muted', `${times.size} answers, no two of them the same`));
        return block;
      }
      const counts = [...times].sort((one, other) => other[1] - one[1] || compare(one[0], other[0]));
      const most = counts.slice(0, MOST_BARS).sort((one, other) => compare(one[0], other[0]));
      for (const [answer, number] of most) {
        const bar = element('div', 'llm-bots-bar', '');
        bar.append(element('span', '', `${number} × ${answer}`), element('i', '', ''));
        bar.firstChild.title = answer;
        bar.lastChild.style.width = `${100 * number / counts[0][1]}%`;
        block.append(bar);
      }
      if (counts.length > most.length) block.append(element('small', 'text-muted', `and ${counts.length - most.length} other answers`));
      return block;
    }));
  }

  headers.filter(header => 'sort' in header.dataset).forEach(header => {
    const button = element('button', '', header.textContent);
    button.type = 'button';
    button.addEventListener('click', () => sort(header));
    header.replaceChildren(button);
  });
  // another page has other fields
  byId('page').addEventListener('change', () => { byId('field').value = ''; byId('choice').submit(); });
  byId('field').addEventListener('change', () => byId('choice').submit());
  document.querySelectorAll('[data-column]').forEach(select => select.addEventListener('change', filter));
  byId('contains').addEventListener('input', filter);
  byId('filters').hidden = false;
  filter();
})();
