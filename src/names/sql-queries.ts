/**
 * The reads of names. Each finds its rows by a key or a range of an index, so that its cost does not grow with the
 * repository.
 */
export const TAG = `
  SELECT m.digest, m.media_type, m.size FROM tag t
  JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
  WHERE t.repository_id = ? AND t.name = ?`;

export const MANIFEST = `SELECT media_type, size FROM manifest WHERE repository_id = ? AND digest = ?`;

export const TAGS = `
  SELECT t.name, m.digest, m.media_type, m.size FROM tag t
  JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
  WHERE t.repository_id = ? AND t.name > ? ORDER BY t.name LIMIT ?`;

export const TAGS_BETWEEN = `
  SELECT t.name, m.digest, m.media_type, m.size FROM tag t
  JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
  WHERE t.repository_id = ? AND t.name > ? AND t.name < ? ORDER BY t.name LIMIT ?`;

export const PARENTS = `
  SELECT m.digest, m.media_type, m.size FROM child c
  JOIN manifest m ON m.repository_id = c.repository_id AND m.digest = c.parent
  WHERE c.repository_id = ? AND c.child = ? AND c.parent > ? ORDER BY c.parent LIMIT ?`;

export const REFERRERS = `
  SELECT digest, media_type, size, artifact_type, annotations FROM manifest
  WHERE repository_id = ? AND subject = ? AND digest >= ? ORDER BY digest LIMIT ?`;

export const REFERRERS_OF_TYPE = `
  SELECT digest, media_type, size, artifact_type, annotations FROM manifest
  WHERE repository_id = ? AND subject = ? AND artifact_type = ? AND digest >= ? ORDER BY digest LIMIT ?`;
