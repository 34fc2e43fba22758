(module
  (memory (export "memory") 1)
  (func $deep_inside unreachable)
  (func (export "_start") (call $deep_inside)))
