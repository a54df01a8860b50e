# frozen_string_literal: true

# Written by flaky: tells what becomes of every example, a line as soon as it is known, so that a killed run keeps what
# was seen. Listens beside the formatters of the project, and changes nothing of the run but the seed.

require "json"
require "rspec/core"

module FlakyRspecReport
  # What RSpec tells its formatters.
  EVENTS = %i[example_started example_passed example_failed example_pending message dump_summary].freeze

  class Listener
    def initialize(folder)
      Dir.mkdir(folder) unless Dir.exist?(folder)
      @pid = Process.pid
      @file = File.open(File.join(folder, "#{@pid}.jsonl"), "a")
      @file.sync = true
      write(e: "begin", version: RSpec::Core::Version::STRING)
    end

    def example_started(notification)
      write(e: "start", example: brief(notification.example))
    end

    def example_passed(notification)
      write(e: "end", example: full(notification.example))
    end
    alias example_failed example_passed
    alias example_pending example_passed

    def message(notification)
      write(e: "message", text: text(notification.message))
    end

    def dump_summary(summary)
      outside = summary.respond_to?(:errors_outside_of_examples_count) ? summary.errors_outside_of_examples_count : 0
      write(e: "finish", outside: outside)
    end

    private

    # A child of a test that forks is not the run.
    def write(record)
      return unless Process.pid == @pid

      @file.write("#{JSON.generate(record)}\n")
    rescue StandardError
      nil
    end

    def brief(example)
      metadata = example.metadata
      {
        id: text(example.id), description: text(example.description),
        full_description: text(example.full_description), status: "started",
        file_path: text(metadata[:file_path]), line_number: metadata[:line_number]
      }
    end

    def full(example)
      result = example.execution_result
      exception = example.exception
      record = brief(example).merge(status: result.status.to_s, run_time: result.run_time)
      record[:pending_message] = text(result.pending_message) if result.pending_message
      record[:failed_as_expected] = true if result.status == :pending && result.pending_exception
      record[:exception] = described(exception) if exception
      record
    end

    def described(exception)
      backtrace = exception.backtrace
      # Of several failures in one the first says where.
      backtrace = exception.all_exceptions.first&.backtrace if backtrace.nil? && exception.respond_to?(:all_exceptions)
      {
        class: text(exception.class.name), message: text(exception.message),
        backtrace: (backtrace || []).map { |frame| text(frame) }
      }
    end

    def text(value)
      value.to_s.dup.force_encoding(Encoding::UTF_8).scrub
    end
  end

  def self.listen(folder)
    listener = Listener.new(folder)
    RSpec.configuration.reporter.register_listener(listener, *EVENTS)
  rescue StandardError => e
    warn "flaky: no report of RSpec: #{e.message}"
  end

  # Where the order is random its seed is ours; an order that is not random stays.
  def self.seed(seed)
    manager = RSpec.configuration.ordering_manager
    return if manager.instance_variable_get(:@seed_forced)

    manager.instance_variable_set(:@seed, Integer(seed))
  rescue StandardError
    nil
  end
end

if (folder = ENV["FLAKY_RSPEC_REPORT"])
  FlakyRspecReport.seed(ENV["FLAKY_RSPEC_SEED"]) if ENV["FLAKY_RSPEC_SEED"]
  RSpec.configure { |config| config.prepend_before(:suite) { FlakyRspecReport.listen(folder) } }
end
