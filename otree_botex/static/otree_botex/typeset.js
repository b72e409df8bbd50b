// Sets the text of a page as a bot read it ([data-typeset]): paragraphs, headings, lists, tables, and what it asks in
// brackets. Everything goes in through textContent: the text is a participant's page, and may hold anything.
(function () {
  const HEADING = /^#{1,6} (.+)$/;
  const RULE = /^-{3}( \| -{3})*$/;
  const ITEM = /^(- |\d+\. |\( \) |\(x\) |\[ \] |\[x\] )/;
  const MARKED = /(\*\*[^*]+\*\*|\[[^[\]]*\])/;

  function element(tag, className, ...content) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...content);
    return made;
  }

  // The parts of a line that are set off: what is asked, buttons, other remarks in brackets, and what is in bold.
  function inline(line) {
    return line.split(MARKED).filter(Boolean).map(part => {
      if (!MARKED.test(part)) return part;
      if (part.startsWith('**')) return element('strong', '', part.slice(2, -2));
      const kind = /^\[button /.test(part) ? 'button' : /^\[(q\d+: |\d+\])/.test(part) ? 'asked' : 'note';
      return element('span', kind, part);
    });
  }

  function row(line, tag) {
    return element('tr', '', ...line.split(' | ').map(cell => element(tag, '', ...inline(cell))));
  }

  function table(lines) {
    const [first, second, ...rest] = lines;
    const made = element('table');
    if (RULE.test(second)) made.append(element('thead', '', row(first, 'th')));
    const body = RULE.test(second) ? rest : lines;
    made.append(element('tbody', '', ...body.map(line => row(line, 'td'))));
    return made;
  }

  function block(line) {
    const heading = HEADING.exec(line);
    if (heading) return element('div', 'heading', ...inline(heading[1]));
    return element('div', ITEM.test(line) ? 'item' : '', ...inline(line));
  }

  // Lines whose numbers stand in data-differs are not the same for other bots.
  function typeset(root) {
    const lines = root.textContent.split('\n');
    const differs = new Set((root.dataset.differs || '').split(' ').filter(Boolean).map(Number));
    const blocks = [];
    for (let at = 0, begins = true; at < lines.length; at += 1) {
      if (!lines[at].trim()) { begins = true; continue; }
      const from = at;
      if (lines[at].includes(' | ')) while (at + 1 < lines.length && lines[at + 1].includes(' | ')) at += 1;
      const made = at > from ? table(lines.slice(from, at + 1)) : block(lines[at]);
      if (begins) made.classList.add('begins');
      const rows = [...made.querySelectorAll('tr')];
      const shown = lines.slice(from, at + 1).map((line, index) => from + index).filter(number => !(at > from && RULE.test(lines[number])));
      shown.forEach((number, index) => { if (differs.has(number)) (rows[index] || made).classList.add('differs'); });
      blocks.push(made);
      begins = false;
    }
    root.replaceChildren(...blocks);
    root.style.whiteSpace = 'normal';
  }

  document.querySelectorAll('[data-typeset]').forEach(typeset);
})();
