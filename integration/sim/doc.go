// Package sim is a simulated Configuration Manager site: distribution points (DPs) with faults on demand, and clients
// that download from them and check every byte.
//
// It imports no product code, so it cannot agree with the product's mistakes. What it does follows public sources, which
// the comments name; where the real behaviour is not public, it is a setting.
//
// A Library holds the truth: contents with versions, whose bytes are a pure function of a seed and an offset. A DP serves
// a Library over HTTP and HTTPS, notes what it sent in Counters, and misbehaves as its Faults say. A Link makes a DP far
// away. A ContentService and its Storage are a cloud DP: signed URLs for each client. A ManagementPoint registers Machines,
// and tells them where content is, with the tokens for it. A Gateway hands on to it what clients of the internet ask, an
// Entra gives machines tokens, and a TokenService exchanges those for tokens that the gateway takes. BITS, TaskSequence, CCM,
// Plain and CloudClient are the clients. A Site is all of it, started by one call.
package sim
