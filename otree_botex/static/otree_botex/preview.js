// The button that shows what the first bot's model would be sent first. It takes seconds: until then, the time passes on it.
// Whatever a page or a prompt says goes in through textContent, never as HTML.
(function () {
  const byId = id => document.getElementById(id);
  const form = byId('add-form');
  const button = byId('preview');
  const words = button.textContent;
  const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

  function element(tag, properties) {
    return Object.assign(document.createElement(tag), properties);
  }

  async function ask(data) {
    const answer = await fetch(form.dataset.preview, {method: 'POST', body: new URLSearchParams(data)});
    return answer.json();
  }

  function block(title, text, isFolded) {
    const body = element('pre', {className: 'llm-bots-page', textContent: text});
    const part = element(isFolded ? 'details' : 'section', {});
    part.append(element(isFolded ? 'summary' : 'h5', {textContent: title}), body);
    return part;
  }

  function show(reply) {
    const found = byId('preview-found');
    if (reply.error) {
      found.replaceChildren(element('p', {className: 'alert alert-warning', textContent: reply.error}));
    } else {
      const persona = reply.persona ? `, as ${reply.persona}` : '';
      const pictures = reply.pictures ? ` With ${reply.pictures} pictures.` : '';
      const intro = `This is what ${reply.model} is sent first on seat P${reply.seat}${persona}, on the page “${reply.place}”.${pictures}`;
      const drawn = `It was found in a new session: what is drawn at random there may differ from what P${reply.seat} has.`;
      const opened = reply.visited ? ` Somebody has opened P${reply.seat} before: its bot goes on from where that participant is.` : '';
      found.replaceChildren(
        element('p', {className: 'text-muted', textContent: intro}),
        element('p', {className: opened ? 'alert alert-warning' : 'text-muted', textContent: drawn + opened}),
        ...reply.messages.map(message => block(message.role, message.content, false)),
        block('The form that its reply must have (JSON Schema)', JSON.stringify(reply.schema, null, 2), true));
    }
    byId('preview-shown').showModal();
  }

  async function preview() {
    const data = new FormData(form);
    const began = Date.now();
    button.disabled = true;
    try {
      let reply = await ask(data);
      if (reply.key) data.set('key', reply.key);
      while (!reply.done) {
        button.textContent = `Playing up to the first prompt … ${Math.round((Date.now() - began) / 1000)} s`;
        await pause(1000);
        reply = await ask(data);
      }
      show(reply);
    } catch (error) {
      show({error: 'The server does not answer.'});
    }
    button.disabled = false;
    button.textContent = words;
  }

  byId('preview-shown').addEventListener('close', () => button.focus());
  button.hidden = false;
  button.addEventListener('click', preview);
})();
