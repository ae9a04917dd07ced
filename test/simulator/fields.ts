/** The fields of the analysis calls and their ranges, as JSON Schema. Fastify's validator turns the texts of a form into numbers. */

const person = {
  height: { type: 'integer', minimum: 90, maximum: 240 },
  weight: { type: 'number', minimum: 30, maximum: 200.9 },
  age: { type: 'integer', minimum: 18, maximum: 120 },
  gender: { type: 'integer', enum: [0, 1] },
}
const recording = {
  model: { enum: ['online', 'offline'] },
  device: { enum: ['V6', 'S1'] },
}
const bodyFat = { type: 'number', minimum: 3, maximum: 50 }

/** A person as all calls but rr-list describe one. */
export interface Person {
  /** In centimetres. */
  height: number
  /** In kilograms. */
  weight: number
  /** In years. */
  age: number
  gender: 0 | 1
}

/** What cvdr asks beside person and ECG. */
export interface Condition {
  htn: 0 | 1
  dm: 0 | 1
  /** In mmHg. */
  sbp: number
  symptom: number[]
  disease: string[]
}

/** One mean per minute in each list. */
export interface Run {
  /** In beats a minute. */
  hr_list: number[]
  /** In km/h. */
  speed_list?: number[]
  /** In steps a minute. */
  cadence_list?: number[]
}

/** One moment of a run. */
export interface Stride {
  /** In beats a minute. */
  hr: number
  /** In steps a minute. */
  cadence: number
  /** In centimetres. */
  waistline: number
  /** In percent. */
  body_fat: number
}

/** A JSON Schema of a whole body. */
export type BodySchema = ReturnType<typeof body>

/** ECG only. */
export const recordingSchema = body(recording)
/** ECG and person. */
export const personRecordingSchema = body({ ...person, ...recording })
/** ECG, person and condition. The empty text stands for an empty list, which a form cannot express otherwise. */
export const conditionSchema = body({
  ...person,
  ...recording,
  age: { type: 'integer', minimum: 20, maximum: 90 },
  htn: { type: 'integer', enum: [0, 1] },
  dm: { type: 'integer', enum: [0, 1] },
  sbp: { type: 'integer', minimum: 75, maximum: 240 },
  symptom: { type: 'array', items: { type: 'integer', minimum: 1, maximum: 7 } },
  disease: { type: 'array', items: { enum: ['J45', 'G43', 'G47', 'R05', 'R07', 'R53'] } },
})
/** A run. At least ten minutes are asked too, but that has an error of its own. */
export const runSchema = {
  ...body({
    ...person,
    body_fat: bodyFat,
    hr_list: { type: 'array', items: { type: 'integer', minimum: 40, maximum: 220 } },
    speed_list: { type: 'array', items: { type: 'number', minimum: 0, maximum: 45 } },
    cadence_list: { type: 'array', items: { type: 'integer', minimum: 0, maximum: 230 } },
  }, ['speed_list', 'cadence_list']),
  anyOf: [{ required: ['speed_list'] }, { required: ['cadence_list'] }],
}
/** A moment of a run. */
export const strideSchema = body({
  ...person,
  hr: { type: 'integer', minimum: 40, maximum: 220 },
  cadence: { type: 'integer', minimum: 0, maximum: 230 },
  waistline: { type: 'integer', minimum: 45, maximum: 120 },
  body_fat: bodyFat,
})

function body (properties: Record<string, object>, optional: string[] = []) {
  return { type: 'object', properties, required: Object.keys(properties).filter(name => !optional.includes(name)) }
}
