# One flaky, one broken and two stable examples.
RSpec.describe 'shop' do
  # Whoever asks for it sees the order of the examples.
  before do |example|
    path = ENV.fetch('ORDER_FILE', '')
    File.write(path, "#{ENV.fetch('ATTEMPT', '')} #{example.description}\n", mode: 'a') unless path.empty?
  end

  it 'delivers in time' do
    expect(ENV.fetch('TEST_SEED').to_i % 3).not_to eq(0)
  end

  it 'leaves nothing' do
    expect(1 - 1 - 1).to eq(0)
  end

  it 'adds prices' do
    expect(1 + 2).to eq(3)
  end

  it 'rounds down' do
    expect(5 / 2).to eq(2)
  end
end
