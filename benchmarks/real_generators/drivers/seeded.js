// Random numbers in [0, 1) that depend on a text alone: SHA-256 of the text and a counter.
const { createHash } = require('crypto')

module.exports = text => {
  let counter = 0
  return () => createHash('sha256').update(`${text}/${counter++}`).digest().readUInt32BE(0) / 2 ** 32
}
