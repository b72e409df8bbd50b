// Keeps the page of settings and health up to date: once a second while models are looked for, and now and then
// afterwards.
LLMBots.reload('llm-bots-health', found => ('looking' in found.dataset ? 1 : 5));
