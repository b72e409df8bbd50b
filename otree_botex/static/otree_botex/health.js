// Keeps the page of settings and health up to date: loads it again once a second while models are looked for, and now
// and then afterwards. What has not changed stays as it is, so that it can be selected and copied.
(function () {
  const SECOND = 1000;

  async function refresh() {
    let old = document.getElementById('llm-bots-health');
    const unfolded = [...old.querySelectorAll('details')].map(details => details.open);
    try {
      const response = await fetch(location.pathname);
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      const fresh = page.getElementById('llm-bots-health');
      fresh.querySelectorAll('details').forEach((details, number) => { details.open = unfolded[number]; });
      if (fresh.outerHTML !== old.outerHTML) {
        old.replaceWith(fresh);
        old = fresh;
      }
      old.classList.remove('opacity-50');
    } catch (error) {
      old.classList.add('opacity-50');  // the server is away; what stands here is old
    }
    setTimeout(refresh, 'looking' in old.dataset ? SECOND : 5 * SECOND);
  }
  setTimeout(refresh, SECOND);
})();
