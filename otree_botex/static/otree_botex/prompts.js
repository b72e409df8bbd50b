// The page of a set of prompts: each text area is as high as its text, and the prompt that a link leads to is open. What was
// changed is sent, whichever button is pressed, and nobody leaves the page without it unasked.
(function () {
  function fit(area) {
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + 2}px`;
  }
  document.querySelectorAll('.llm-bots-prompt').forEach(prompt => {
    const area = prompt.querySelector('textarea');
    prompt.addEventListener('toggle', () => fit(area));
    area.addEventListener('input', () => fit(area));
    if (prompt.open) fit(area);
  });
  const form = document.getElementById('prompts');
  const isChanged = area => area.value !== area.defaultValue || 'unsaved' in area.dataset;
  const changed = () => [...form.querySelectorAll('textarea')].filter(isChanged);
  let isSent = false;
  form.addEventListener('submit', () => { isSent = true; });
  form.addEventListener('formdata', event => {
    for (const name of ['prompt', 'text']) event.formData.delete(name);
    for (const area of changed()) {
      event.formData.append('prompt', area.dataset.prompt);
      event.formData.append('text', area.value);
    }
  });
  addEventListener('pageshow', () => { isSent = false; });
  addEventListener('beforeunload', event => { if (!isSent && changed().length) event.preventDefault(); });
  const wanted = document.getElementById(location.hash.slice(1));
  if (wanted && wanted.matches('details')) wanted.open = true;
})();
