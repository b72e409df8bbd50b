// The pages of personas: shows what a template makes of a set's first rows while it is typed, and copies the example.
// The texts are made by the server, and go in through textContent, never as HTML.
(function () {
  const byId = id => document.getElementById(id);
  const form = byId('template-form');
  let timer = null, asked = 0;

  function show(reply) {
    byId('wrong').textContent = reply.wrong;
    byId('wrong').hidden = !reply.wrong;
    byId('more').hidden = !reply.more;
    byId('more').querySelector('span').textContent = reply.more;
    byId('preview').classList.toggle('opacity-50', !!reply.wrong);  // what stands there is of the last template that fits
    if (reply.wrong) return;
    byId('preview').replaceChildren(...reply.personas.map(persona => {
      const box = Object.assign(document.createElement('div'), {className: 'llm-bots-persona'});
      box.append(
        Object.assign(document.createElement('div'), {className: 'small text-muted', textContent: persona.name}),
        Object.assign(document.createElement('pre'), {textContent: persona.text}),
      );
      return box;
    }));
  }

  async function preview() {
    const number = ++asked;
    try {
      const response = await fetch(form.dataset.preview, {method: 'POST', body: new URLSearchParams(new FormData(form))});
      const reply = await response.json();
      if (number === asked) show(reply);  // an answer that comes late is of an older template
    } catch (error) {
      show({wrong: 'The server does not answer.', personas: [], more: 0});
    }
  }

  function changed() {
    byId('unsaved').hidden = false;
    clearTimeout(timer);
    timer = setTimeout(preview, 300);
  }

  if (form) {
    const template = byId('template');
    template.addEventListener('input', changed);
    if (template.value !== template.defaultValue) changed();  // before this script came, or before the page was reloaded
    form.querySelectorAll('[data-placeholder]').forEach(button => button.addEventListener('click', () => {
      template.setRangeText('${' + button.dataset.placeholder + '}', template.selectionStart, template.selectionEnd, 'end');
      template.focus();
      changed();
    }));
  } else {
    byId('use-example').addEventListener('click', () => {
      byId('pasted').value = byId('example').textContent;
      byId('name').value = byId('name').value || 'example';
      byId('pasted').focus();
    });
  }
})();
