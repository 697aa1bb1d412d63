local proto = Proto("meshferry", "Bluetooth Mesh Message")
local decrypted = Field.new("btmesh.access.decrypted")

-- One ProtoField for each name and type of field; a name with several types gets a suffix for all but the first.

local TYPES = {
  uint = "uint32", int = "int32", u64 = "uint64", u7or15 = "uint32", uintBy = "uint32", flag = "bool", choice = "uint32",
  octets = "bytes", text = "string", modelId = "uint32", keyIndexes = "uint32",
}
local proto_fields = {
  name = ProtoField.string("meshferry.name", "Message"),
  opcode = ProtoField.uint32("meshferry.opcode", "Opcode", base.HEX),
}
local by_name = {}

local function make_proto_field(field, name)
  if field.kind == "struct" then
    for _, member in ipairs(field.fields) do make_proto_field(member, member.name) end
  elseif field.of ~= nil and field.kind ~= "modelId" then
    make_proto_field(field.of, name)
  elseif TYPES[field.kind] ~= nil then
    local kind = TYPES[field.kind]
    local key = name .. "/" .. kind
    if proto_fields[key] ~= nil then return end
    local abbreviation = "meshferry." .. name
    if by_name[name] ~= nil then abbreviation = abbreviation .. "_" .. kind end
    by_name[name] = true
    if kind == "uint64" then
      proto_fields[key] = ProtoField.uint64(abbreviation, name, base.HEX)
    else
      proto_fields[key] = ProtoField[kind](abbreviation, name)
    end
  end
end

local opcodes = {}
for opcode in pairs(messages) do opcodes[#opcodes + 1] = opcode end
table.sort(opcodes)
for _, opcode in ipairs(opcodes) do
  for _, field in ipairs(messages[opcode].fields) do make_proto_field(field, field.name) end
end
proto.fields = proto_fields

-- Parameters as a stream of bits: little-endian, the first field of an octet in its least significant bits.

local Reader = {}
Reader.__index = Reader

function Reader.new(range, octet)
  return setmetatable({ range = range, at = 8 * octet, last = 8 * range:len(), cut = false }, Reader)
end

function Reader:remaining()
  return math.floor((self.last - self.at) / 8)
end

function Reader:uint(bits)
  if self.at + bits > self.last then
    self.cut = true
    return 0
  end
  local value, scale, left = 0, 1, bits
  while left > 0 do
    local skip = self.at % 8
    local take = math.min(left, 8 - skip)
    local octet = self.range(math.floor(self.at / 8), 1):uint()
    value = value + math.floor(octet / 2 ^ skip) % 2 ^ take * scale
    scale = scale * 2 ^ take
    self.at = self.at + take
    left = left - take
  end
  return math.floor(value)
end

-- The octets that were read from a position on.
function Reader:since(from)
  local first = math.floor(from / 8)
  return self.range(first, math.max(1, math.ceil(self.at / 8) - first))
end

local function proto_field(kind, name)
  return proto_fields[name .. "/" .. TYPES[kind]]
end

local show

local function show_number(tree, reader, field, name, bits)
  local from = reader.at
  local value = reader:uint(bits)
  if reader.cut then return nil end
  if field.kind == "int" and value >= 2 ^ (bits - 1) then value = value - 2 ^ bits end
  if field.kind == "flag" then value = value == 1 end
  local item = tree:add(proto_field(field.kind, name), reader:since(from), value)
  for _, choice in ipairs(field.names or {}) do
    if choice.value == value then
      item:append_text(" (" .. choice.name .. ")")
      return choice.name
    end
  end
  return value
end

local function show_octets(tree, reader, kind, name, length)
  if length > reader:remaining() then
    reader.cut = true
    return nil
  end
  if length > 0 then
    local range = reader.range(math.floor(reader.at / 8), length)
    tree:add(proto_field(kind, name), range)
    reader.at = reader.at + 8 * length
  end
  return true
end

-- Members of a message or of a struct, in order; the values so far say which of the later ones are there.
local function show_fields(tree, reader, fields)
  local values = {}
  for _, field in ipairs(fields) do
    if reader.cut then return end
    values[field.name] = show(tree, reader, field, field.name, values)
  end
end

local function is_one_of(value, wanted)
  if type(wanted) ~= "table" then wanted = { wanted } end
  for _, one in ipairs(wanted) do
    if type(one) == "boolean" then
      if ((value ~= nil) and (value ~= false)) == one then return true end
    elseif one == value then
      return true
    end
  end
  return false
end

local function is_present(present, reader, values)
  if reader:remaining() < present.least then return false end
  if present.cases == nil then return true end
  for _, case in ipairs(present.cases) do
    local holds = true
    for name, wanted in pairs(case) do holds = holds and is_one_of(values[name], wanted) end
    if holds then return true end
  end
  return false
end

local SHOW = {
  uint = function(tree, reader, field, name) return show_number(tree, reader, field, name, field.bits) end,
  int = function(tree, reader, field, name) return show_number(tree, reader, field, name, field.bits) end,
  choice = function(tree, reader, field, name) return show_number(tree, reader, field, name, field.bits) end,
  flag = function(tree, reader, field, name) return show_number(tree, reader, field, name, 1) end,
  uintBy = function(tree, reader, field, name, values)
    return show_number(tree, reader, field, name, 8 * (values[field.octets] or 0))
  end,
  u7or15 = function(tree, reader, field, name)
    return show_number(tree, reader, field, name, reader:uint(1) == 1 and 15 or 7)
  end,
  u64 = function(tree, reader, field, name)
    if reader:remaining() < 8 then
      reader.cut = true
      return nil
    end
    local range = reader.range(math.floor(reader.at / 8), 8)
    tree:add_le(proto_field("u64", name), range)
    reader.at = reader.at + 64
    return true
  end,
  rfu = function(_, reader, field) reader:uint(field.bits) end,
  prohibited = function(_, reader, field) reader:uint(field.bits) end,
  padded = function(tree, reader, field, name, values)
    local value = show(tree, reader, field.of, name, values)
    reader:uint(field.bits)
    return value
  end,
  octets = function(tree, reader, field, name, values)
    local length = field.length or reader:remaining()
    if field.sized then length = reader:uint(8) end
    if field.by ~= nil then length = values[field.by] or 0 end
    return show_octets(tree, reader, "octets", name, length)
  end,
  text = function(tree, reader, _, name) return show_octets(tree, reader, "text", name, reader:uint(8)) end,
  modelId = function(tree, reader, field, name)
    local vendor = field.of == "vendor" or (field.of == "any" and reader:remaining() >= 4)
    local from = reader.at
    local id = reader:uint(16)
    if vendor then id = id * 65536 + reader:uint(16) end
    if reader.cut then return nil end
    tree:add(proto_field("modelId", name), reader:since(from), id)
    return id
  end,
  keyIndexes = function(tree, reader, _, name)
    while reader:remaining() >= 2 and not reader.cut do
      local from = reader.at
      local index = reader:uint(12)
      if reader.at % 8 ~= 0 and reader:remaining() == 0 then reader:uint(4) end
      tree:add(proto_field("keyIndexes", name), reader:since(from), index)
    end
  end,
  list = function(tree, reader, field, name, values)
    local count = math.huge
    if field.count ~= nil then count = values[field.count] or 0 end
    local shown = 0
    while shown < count and not reader.cut do
      local from = reader.at
      if field.count == nil and reader:remaining() <= 0 then break end
      show(tree, reader, field.of, name, values)
      shown = shown + 1
      if reader.at == from then break end
    end
  end,
  struct = function(tree, reader, field, name)
    local from = reader.at
    if reader:remaining() <= 0 then
      reader.cut = true
      return nil
    end
    local item = tree:add(proto, reader.range(math.floor(from / 8)), name)
    show_fields(item, reader, field.fields)
    item:set_len(math.max(1, math.ceil((reader.at - from) / 8)))
    return true
  end,
  sized = function(tree, reader, field, name, values)
    local length = 0
    if field.prefix.kind == "u7or15" then
      length = reader:uint(reader:uint(1) == 1 and 15 or 7)
    else
      length = reader:uint(field.prefix.bits)
    end
    if reader.cut or length > reader:remaining() then
      reader.cut = true
      return nil
    end
    local last, ends = reader.last, reader.at + 8 * length
    reader.last = ends
    if length > 0 then show(tree, reader, field.of, name, values) end
    reader.last, reader.at = last, ends
    return true
  end,
  optional = function(tree, reader, field, name, values)
    if not is_present(field.present, reader, values) then return nil end
    return show(tree, reader, field.of, name, values)
  end,
}

show = function(tree, reader, field, name, values)
  return SHOW[field.kind](tree, reader, field, name, values)
end

local function opcode_of(range)
  local first = range(0, 1):uint()
  if first < 0x80 then return first, 1 end
  local octets = first < 0xc0 and 2 or 3
  if range:len() < octets then return nil, 0 end
  return range(0, octets):uint(), octets
end

-- An access message, opcode first.
local function dissect(range, pinfo, tree)
  local opcode, octets = opcode_of(range)
  local message = opcode ~= nil and messages[opcode] or nil
  if message == nil then return end
  local item = tree:add(proto, range, "Bluetooth Mesh Message: " .. message.name)
  item:add(proto_fields.name, range(0, octets), message.name):append_text(" [" .. message.source .. "]")
  item:add(proto_fields.opcode, range(0, octets), opcode)
  local reader = Reader.new(range, octets)
  show_fields(item, reader, message.fields)
  if reader.cut then item:append_text(" [cut short]") end
  if not reader.cut and reader:remaining() > 0 then item:append_text(" [" .. reader:remaining() .. " octets too many]") end
  pinfo.cols.info:append("  " .. message.name)
end

function proto.dissector(_, pinfo, tree)
  for _, found in ipairs({ decrypted() }) do
    if found.len > 0 then dissect(found.range, pinfo, tree) end
  end
end

register_postdissector(proto)
